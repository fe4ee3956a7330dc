//! Who calls, what may be asked, and who may ask it.
//!
//! - [`action`]: one type per action. `web::Change<vm::Create, _>` and `scope::Granted<Vm, vm::Create>` are built on it.
//!   The same table says which roles carry it; its print is a committed snapshot.
//! - [`Caller`]: a principal of one tenant with its role bindings. Only a verified token, a signed header or a worker
//!   acting for a tenant yields one.
//! - [`rights`]: what a role binding carries, and on which conditions. `giving`: who may hand rights on, and take them
//!   away. [`api_key`]: the form of API keys. [`access`]: platform operators in a tenant's content.
//! - [`duty`]: which rights belong to which of three duties that exclude each other where a tenant keeps them apart.
//! - [`explain`]: whether somebody may and why, by the code that decides it.
//! - [`token`]: access tokens (RFC 9068 profile, `EdDSA`). [`passport`]: the short-lived signed header in which the
//!   gateway hands the caller to a service.

pub mod access;
pub mod action;
pub mod api_key;
pub mod duty;
pub mod explain;
pub mod passport;
pub mod rights;
pub mod token;

mod caller;
mod giving;
mod owed;
mod role;
mod standing;

pub use access::{AccessKind, OperatorAccess};
pub use action::{Action, Info, Level};
pub use caller::{Caller, Credential, PLATFORM, Place, Principal, Standing};
pub use duty::{Duties, Duty};
pub use owed::Owed;
pub use rights::{Binding, Condition, Moment, Permissions, Rights};
pub use role::{Role, RoleSet};
pub use standing::{Changed, Known, MOST_KNOWN};
