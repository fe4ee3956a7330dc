//! The walls between tenants, as the database itself has them.

mod catalogue;
mod pool;
mod rows;
mod tables;
