//! The caller's own second factors: wire types and endpoints.

pub mod confirm;
pub mod delete;
pub mod enrol;
pub mod list;
pub mod renew_codes;

use auth::Caller;
use chrono::{DateTime, Utc};
use db::Subject;
use ids::{FactorId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::factor::recovery::{COUNT, Code};
use crate::factor::{Factor, Kind};

/// One of the caller's factors.
#[derive(Deserialize)]
pub struct OneFactor {
    factor: FactorId,
}

/// A second factor.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FactorView {
    /// Its id.
    pub id: FactorId,
    /// What it is: `totp`. New words may come.
    #[schema(example = "totp")]
    pub kind: &'static str,
    /// What its holder calls it.
    #[schema(example = "Phone")]
    pub name: String,
    /// Does it count? Not before its holder has shown a first code.
    pub confirmed: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When a code of it was last taken.
    pub used_at: Option<DateTime<Utc>>,
}

impl From<&Factor> for FactorView {
    fn from(factor: &Factor) -> Self {
        Self {
            id: factor.id,
            kind: Kind::Totp.name(),
            name: factor.name.clone(),
            confirmed: factor.confirmed_at.is_some(),
            created_at: factor.created_at,
            updated_at: factor.updated_at,
            used_at: factor.used_at,
        }
    }
}

impl Subject for FactorView {
    fn object(&self) -> String {
        format!("factor:{}", self.id)
    }
}

/// The caller, who must be a person that is signed in: keys and machines have no factors.
pub fn signed_in(caller: &Caller) -> Result<(UserId, SessionId), fault::Error> {
    let both = caller.user().zip(caller.session());
    both.ok_or_else(|| fault::Error::not_found("session"))
}

/// A new set of recovery codes.
fn new_codes() -> Vec<Code> {
    (0..COUNT).map(|_| Code::make()).collect()
}
