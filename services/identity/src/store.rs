//! All SQL of identity. Only a transaction reaches it.

pub mod account_credentials;
pub mod account_sessions;
pub mod api_keys;
pub mod ceremonies;
pub mod challenges;
pub mod device_grants;
pub mod devices;
pub mod email_changes;
pub mod errands;
pub mod export;
pub mod factors;
pub mod former_passwords;
pub mod grants;
pub mod groups;
pub mod guesses;
pub mod invitations;
pub mod keys;
pub mod oauth_assertions;
pub mod oauth_clients;
pub mod oauth_codes;
pub mod owners;
pub mod passkeys;
pub mod people;
pub mod policies;
pub mod projects;
#[cfg(test)]
mod races;
pub mod recovery_codes;
pub mod replies;
pub mod resets;
pub mod rights;
pub mod role_bindings;
pub mod roles;
pub mod service_accounts;
pub mod sessions;
pub mod tenants;
pub mod users;
