//! What comes of a letter about an e-mail address: endpoints for whoever holds its token.

pub mod confirm;
pub mod undo;

use auth::action::email;
use auth::{Action, Caller};
use db::{AuditEvent, AuditOutcome, SystemTx};
use fault::Kind;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::Origin;

use crate::once::TokenDigest;
use crate::state::Identity;
use crate::store::email_changes::{self, Shown};

/// The token of a letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailToken {
    /// What stands in the letter's link after `token=`.
    #[schema(value_type = String, format = Password, example = "yec_gAn0t0ken", max_length = 200)]
    pub token: SecretString,
}

/// What became of the address.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailStatus {
    /// The new one counts.
    Changed,
    /// The old one counts again, or still.
    Kept,
}

/// What a token did.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailDone {
    /// Which address counts now.
    pub status: EmailStatus,
}

fn void() -> fault::Error {
    fault::Error::unauthenticated("This link is not good, or no longer: ask for the change anew.")
}

/// Has the keys at hand of whoever's token this is.
async fn has_keys(identity: &Identity, token: TokenDigest) -> Result<(), fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let tenant = email_changes::tenant_of(&mut tx, token).await?;
    drop(tx);
    identity.db.keys(tenant.ok_or_else(void)?).await?;
    Ok(())
}

/// Whoever holds the token reads the address's letters, so they may know that it is taken; not by whom.
fn taken(error: db::Error) -> fault::Error {
    match error {
        db::Error::Taken(_) => {
            let detail = "The address belongs to somebody else in this tenant; nothing was changed.";
            fault::Error::new(Kind::AlreadyExists, detail)
        }
        other => other.into(),
    }
}

fn record(tx: &mut SystemTx, shown: &Shown, origin: &Origin, step: &str) -> Result<(), fault::Error> {
    let caller = Caller::newcomer(shown.tenant, shown.user, Vec::new(), origin.address, origin.request);
    let (action, object) = (email::Modify::INFO.name, format!("user:{}", shown.user));
    let changes = json!({ "step": step });
    let entry = AuditEvent::of(&caller, tx.now(), action, object, AuditOutcome::Success, changes);
    tx.record(shown.tenant, &entry)
}
