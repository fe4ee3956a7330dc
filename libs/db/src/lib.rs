//! The transaction is the capability.
//!
//! # What it guarantees
//! - Tenant data is reached only through a transaction begun for a [`auth::Caller`]: [`Read`] (the server refuses
//!   writes) or [`Change`]. Both set `app.tenant` for row security with `set_config(.., true)`, so the setting ends with
//!   the transaction and cannot leak to the next user of the connection.
//! - A [`Change`] commits in one place, [`Change::finish`]: audit event, outbox rows and the answer kept for an
//!   `Idempotency-Key` go into the same commit. On a dry run the same work is rolled back. Dropping it rolls back.
//! - Two requests with one key: the second waits on the first one's row and then gets the first one's answer. A
//!   failure leaves no row, so it runs again.
//! - The tenant's keys ([`crypto::TenantKeys`]) are had before the transaction begins, since unwrapping them may ask another
//!   machine, and belong to it: [`Read::keys`].
//! - What an audit entry tells is sealed under the tenant's key before it is written.
//! - Entries of what changed nothing share commits, and each caller is answered after the one that holds theirs (`group`).
//! - Work across tenants goes through [`SystemTx`], which names its [`Reason`].
//!
//! # What it refuses
//! A write without a [`Granted`] (the store's signatures ask for one), a commit without its audit event, a database
//! older than the releases in which row security can be read past (CVE-2026-120154), SQL built at run time (`sqlx`
//! takes `&'static str`).
//!
//! # What it was born from
//! After a crash the client cannot know whether its commit happened: two in five unanswered ones had. And authorisation
//! that is a call can be forgotten; here forgetting it does not compile.

mod access;
mod answer;
mod audit;
mod bell;
mod change;
pub mod contents;
mod error;
mod grant;
mod group;
pub mod migrate;
mod outbox;
mod pool;
mod read;
mod reply;
mod sealing;
mod store;
mod system;
mod wake;

pub use answer::{Answer, Changed, Created, Done, Effect, Exit, Outcome, Removed, Status, Subject};
pub use audit::{AuditEvent, Outcome as AuditOutcome, difference};
pub use change::{Ask, Change, IdempotencyKey};
pub use error::{Error, Result};
pub use grant::{Granted, Platform, Resource, Tenant, forbidden};
pub use group::MOST_IN_ROW;
pub use outbox::{AUDIT, Event};
pub use pool::{Connect, Db};
pub use read::Read;
pub use sealing::opened;
pub use store::keys::lookup as wrapped_keys;
pub use system::{Reason, SystemTx};
pub use wake::{Listener, Wake};
