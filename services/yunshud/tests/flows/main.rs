//! Flows over the whole platform.

mod kit;
mod matrix;
mod tenants;
mod through_the_gateway;
