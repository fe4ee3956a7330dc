//! All SQL of identity. Only a transaction reaches it.

pub mod account_credentials;
pub mod account_sessions;
pub mod api_keys;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod canary;
pub mod ceremonies;
pub mod challenges;
pub mod clear;
pub mod device_grants;
pub mod devices;
pub mod duties;
pub mod email_changes;
pub mod errands;
pub mod export;
pub mod external_identities;
pub mod external_keys;
pub mod factor_names;
pub mod factors;
pub mod former_passwords;
pub mod grants;
pub mod groups;
pub mod guesses;
pub mod identity_providers;
pub mod invitations;
pub mod keys;
pub mod lookup_keys;
pub mod mapped_groups;
pub mod oauth_assertions;
pub mod oauth_clients;
pub mod oauth_codes;
pub mod operator_access;
pub mod owners;
pub mod passkeys;
pub mod people;
pub mod places;
pub mod policies;
pub mod projects;
#[cfg(test)]
mod races;
pub mod recovery_codes;
pub mod resets;
pub mod rights;
pub mod role_bindings;
pub mod roles;
pub mod sealed;
pub mod sent_codes;
pub mod service_accounts;
pub mod sessions;
pub mod standings;
pub mod tenant_keys;
pub mod tenants;
pub mod users;
