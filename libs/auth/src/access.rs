//! Platform operators in a tenant's content.
//!
//! The platform's staff carry nothing in a tenant. For a while they come in by an access: one that the tenant has consented
//! to, or one that two of them have opened in an emergency. They then are callers of that tenant with one built-in role and
//! a [`Credential::OperatorAccess`](crate::Credential::OperatorAccess), and what they do is marked with the access.

use ids::OperatorAccessId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The header in which an operator names the access that a request is made by. No service sees it: the passport says it.
pub const HEADER: &str = "yunshu-operator-access";

/// What an operator hears whatever is wrong with the access they name: unknown, not theirs, not granted or over.
pub const NOT_IN_FORCE: &str = "This access is not in force, or not yours. Ask for one at `/api/v1/system/operator-access`, or leave out \
     `Yunshu-Operator-Access`.";

/// By whose word an operator is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessKind {
    /// The tenant's.
    Consent,
    /// Another operator's, in an emergency.
    BreakGlass,
}

impl AccessKind {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::BreakGlass => "break_glass",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Consent, Self::BreakGlass]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The mark that all an operator does in a tenant carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorAccess {
    /// The access.
    pub id: OperatorAccessId,
    /// By whose word.
    pub kind: AccessKind,
    /// Why, as the operator wrote it.
    pub reason: String,
}
