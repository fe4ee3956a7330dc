//! Every role of the platform in one binary: builds those it is asked for, and runs them under one token.
//!
//! [`cli`] is what can be asked; [`config`] what the file says; [`platform`] builds and runs roles; [`openapi`] merges
//! their documents; [`peers`] is how processes know each other; [`bootstrap`] makes schema and operator; [`simulate`] plays a host.

pub mod bootstrap;
pub mod cli;
pub mod config;
pub mod openapi;
pub mod peers;
pub mod platform;

mod log;
mod simulate;
