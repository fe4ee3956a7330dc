//! Tenants, people, sessions and projects.
//!
//! `routes` lists every path; `api` has one file per endpoint; `store` all SQL; `work` what happens later; the other
//! modules are the domain.

pub mod access;
pub mod account;
pub mod api_key;
pub mod binding;
pub mod duty;
pub mod errand;
pub mod factor;
pub mod group;
pub mod guess;
pub mod invitation;
pub mod keeper;
pub mod keys;
pub mod lookup;
pub mod mail;
pub mod oauth;
pub mod oidc;
pub mod once;
pub mod operator;
pub mod password;
pub mod person;
pub mod policy;
pub mod project;
pub mod provider;
pub mod refresh;
pub mod role;
pub mod routes;
pub mod service;
pub mod session;
pub mod settings;
pub mod signin;
pub mod sms;
pub mod state;
pub mod user;

mod api;
mod store;
#[cfg(test)]
mod testing;
mod work;

pub use keeper::renew_key_token;
pub use operator::bootstrap_operator;
pub use service::{Deps, Service};
pub use settings::Settings;
