//! One module per resource, one file per endpoint.

pub mod account_credentials;
pub mod account_keys;
pub mod auth;
pub mod authorize;
pub mod factors;
pub mod groups;
pub mod identity_providers;
pub mod internal;
pub mod invitations;
pub mod jwks;
pub mod keys;
pub mod me;
pub mod my_identities;
pub mod my_keys;
pub mod oauth;
pub mod oauth_clients;
pub mod policies;
pub mod projects;
pub mod role_bindings;
pub mod roles;
pub mod service_accounts;
pub mod sessions;
pub mod tenants;
pub mod users;
mod webauthn;
