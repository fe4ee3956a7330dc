//! The caller's own second factors: wire types and endpoints.

pub mod confirm;
pub mod delete;
pub mod enrol;
pub mod list;
pub mod modify;
pub mod read;
pub mod renew_codes;
pub mod sent;
pub mod webauthn;

use auth::{Action, Caller};
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Subject, Tenant};
use ids::{FactorId, SessionId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::factor::recovery::{COUNT, Code};
use crate::factor::sent::Phone;
use crate::factor::{Factor, Kind};
use crate::store;

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
    /// What it is: `totp`, `webauthn`, `sms`, `email`. New words may come.
    #[schema(example = "totp")]
    pub kind: &'static str,
    /// How strong it is: `strong`, or `weaker`, as codes by SMS and mail are.
    #[schema(example = "strong")]
    pub strength: &'static str,
    /// The number that codes go to, as far as its holder has to see it; none for other kinds, and where it does not matter.
    #[schema(example = "+49…78")]
    pub sent_to: Option<String>,
    /// What its holder calls it.
    #[schema(example = "Phone")]
    pub name: String,
    /// Does it count? Not before its holder has shown a first code.
    pub confirmed: bool,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was last shown.
    pub used_at: Option<DateTime<Utc>>,
}

impl From<&Factor> for FactorView {
    fn from(factor: &Factor) -> Self {
        Self {
            id: factor.id,
            kind: factor.kind.name(),
            strength: factor.kind.strength(),
            sent_to: None,
            name: factor.name.clone(),
            confirmed: factor.confirmed_at.is_some(),
            generation: factor.generation,
            created_at: factor.created_at,
            updated_at: factor.updated_at,
            used_at: factor.used_at,
        }
    }
}

impl FactorView {
    /// As its holder sees it. What is written into the log has no number.
    fn seen(keys: Result<&TenantKeys, KeyError>, factor: &Factor) -> Result<Self, KeyError> {
        let mut view = Self::from(factor);
        if factor.kind == Kind::Sms {
            let phone = Phone::open(keys?, factor.tenant, factor.id, &factor.sealed)?;
            view.sent_to = Some(phone.masked());
        }
        Ok(view)
    }
}

impl Subject for FactorView {
    fn object(&self) -> String {
        format!("factor:{}", self.id)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
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

/// The codes that come with a first factor; none for whoever has some from before.
async fn codes_for_the_first<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
) -> Result<Vec<Code>, fault::Error> {
    if store::recovery_codes::left(tx, tenant, user).await? > 0 {
        return Ok(Vec::new());
    }
    let codes = new_codes();
    store::recovery_codes::replace(tx, tenant, user, &codes).await?;
    Ok(codes)
}
