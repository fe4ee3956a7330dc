//! Adding a passkey or hardware key: wire types and endpoints.

pub mod begin;
pub mod confirm;
