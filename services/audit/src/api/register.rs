//! The register of all logs, as everybody may see it who may read one: wire types and endpoints. It says of nothing whose it is.

pub mod checkpoint;
pub mod checkpoints;
pub mod consistency;
pub mod leaves;
