//! Programs that people let act for them (OAuth 2.0, RFC 6749, as RFC 9700 has it today) and that learn from us who
//! somebody is (`OpenID` Connect).
//!
//! # What it guarantees
//! - A person lets a client in on a page of ours, for scopes it names; the client comes for its tokens with a code that is
//!   good once, for a minute, for this client, this redirect URI and whoever made the challenge (PKCE, RFC 7636).
//! - What a client gets is a session like any other, narrowed to its scopes: it never reaches further than its person does
//!   at that moment, it is listed and ended like any other, and the gateway feels its end within seconds.
//! - Redirect URIs are compared letter by letter; the answer says who gives it (`iss`, RFC 9207), so that a client of
//!   several providers cannot be made to take one's code to another.
//!
//! # What it refuses
//! The implicit and the password grant, `plain` challenges, redirect URIs with patterns, keys that are fetched from
//! elsewhere, and scopes by which a program could change what people sign in with.

pub mod assertion;
pub mod client;
pub mod device;
pub mod id_token;
pub mod jwk;
pub mod pkce;
pub mod redirect;
pub mod refusal;
pub mod scope;

pub use client::{CLI, Client, GrantType};
pub use refusal::{Code, Refusal};
pub use scope::Scopes;
