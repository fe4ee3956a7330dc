//! The one error at the wire.
//!
//! A handler returns [`Error`] and nothing else. Its [`Kind`] is what a client can do about it; one table
//! ([`Kind::row`]) gives status, stable code and title. The body is `application/problem+json` (RFC 9457). Public text
//! and private context are separate fields, and only the first is ever serialised; the second goes to the log, once,
//! where the error stops. An object of another tenant and one that never was give the same bytes: [`Error::not_found`]
//! takes the kind of object and nothing the caller sent.

pub mod request;

mod error;
mod kind;
mod problem;

pub use error::Error;
pub use kind::{Kind, Row};
pub use problem::{FieldError, Missing, Problem};
