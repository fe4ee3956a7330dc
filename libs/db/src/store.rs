//! Tables that `db` itself looks after.

pub mod keys;
