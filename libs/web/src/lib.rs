//! What every service's HTTP side is made of.
//!
//! - [`Read`] and [`Change`] put the policy into a handler's signature: the caller may do `A` somewhere, which is decided
//!   before the body is read. [`Open`] is for the few endpoints that come before signing in, [`Form`] and [`Visit`] for those of
//!   OAuth 2.0, [`AsCertificate`] for hypervisors and agents, [`AsPlatform`] for calls between roles.
//! - [`DryRun`], [`IfMatch`] and [`Once`] document what every change of their kind understands.
//! - [`Page`], [`Found`] and [`Window`] are the shapes of reading.
//! - [`Server`] binds, puts the middleware around the routes and drains. [`Tasks`] runs a service's workers.

mod body;
mod extract;
mod form;
mod gate;
mod lent;
mod listing;
mod method;
mod params;
mod query;
mod refusals;
mod replies;
mod server;
mod tasks;

pub use body::MAX_BODY;
pub use extract::{AsCertificate, AsPlatform, Change, Empty, Open, Origin, Read};
pub use form::{Form, Visit};
pub use listing::{Found, Listing, Page, Sort, Window, left_out};
pub use params::{DryRun, IfMatch, Once};
pub use query::NoQuery;
pub use refusals::Refusals;
pub use server::{Running, Server, openapi};
pub use tasks::Tasks;

/// How a service speaks TLS.
pub use rustls::ServerConfig as Tls;
pub use utoipa_actix_web::scope;
pub use utoipa_actix_web::service_config::ServiceConfig as Routes;
