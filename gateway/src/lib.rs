//! The one way in.
//!
//! TLS 1.3 and plain HTTP on loopback ([`tls`], [`pki`], [`door`], [`conn`], [`framing`]); then, for each request ([`gate`]): rates
//! ([`limit`]), sizes and deadlines ([`body`], [`path`]), the route ([`routes`]), the credential ([`credential`], [`keys`],
//! [`standing`]), and the service behind ([`proxy`], [`upstream`], [`breaker`]). What crosses in which direction is in
//! [`headers`] and [`cors`]; the gateway's own answers in [`pages`]; the log line in [`visit`].
//!
//! It knows no business rule and no database: whether a caller may do a thing is decided where the thing is.

mod answer;
mod body;
mod breaker;
mod conn;
mod cors;
mod credential;
mod door;
mod framing;
mod gate;
mod headers;
mod keys;
mod limit;
mod pages;
mod path;
mod pki;
mod proxy;
mod routes;
mod service;
mod settings;
mod standing;
mod tls;
mod trace;
mod upstream;
mod visit;

pub use cache::Rate;
pub use service::{Deps, Error, Gateway};
pub use settings::{Deadlines, Invalid, Rates, Settings, Sizes, Trust};
pub use upstream::{NotABase, Upstreams};
