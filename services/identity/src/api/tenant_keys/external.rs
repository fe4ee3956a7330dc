//! The key-encryption key that a tenant keeps itself: its own Vault or `OpenBao`, and who may take it away.

pub mod remove;
pub mod set;

use chrono::{DateTime, Utc};
use crypto::{ExternalKey, Keyring, WrappedKeys};
use db::{Changed, Outcome, Status};
use serde::Serialize;
use utoipa::ToSchema;
use web::Change;

use super::TenantKeysView;
use crate::api::auth::budget;
use crate::guess;
use crate::state::Identity;
use crate::store;
use crate::store::external_keys::Kept;
use auth::action::tenant_key;

/// How long a change may take to ask key servers: each question takes five seconds at most.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Where the tenant keeps its key, and how that key fares. Its token is shown to nobody.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExternalKeyView {
    /// The server's address.
    #[schema(example = "https://vault.example.com:8200")]
    pub url: String,
    /// Where the transit engine is mounted.
    #[schema(example = "transit")]
    pub mount: String,
    /// The key's name.
    #[schema(example = "yunshu")]
    pub key: String,
    /// The namespace, where there is one.
    #[schema(example = "team-a")]
    pub namespace: Option<String>,
    /// Are there certificates of its own authorities?
    #[schema(example = false)]
    pub has_ca: bool,
    /// When it was last set.
    pub set_at: DateTime<Utc>,
    /// `ok`; `away` while the server does not answer, or refuses: nothing can be read or written then.
    #[schema(example = "ok")]
    pub state: String,
    /// Since when.
    pub state_since: DateTime<Utc>,
    /// What is wrong, in words.
    #[schema(
        example = "it answers 403: its policy must allow the token `update` on encrypt and decrypt of the key, and the token must live"
    )]
    pub cause: Option<String>,
    /// When it was last asked. It is asked each minute.
    pub checked_at: DateTime<Utc>,
}

impl From<Kept> for ExternalKeyView {
    fn from(kept: Kept) -> Self {
        Self {
            url: kept.url,
            mount: kept.mount,
            key: kept.key_name,
            namespace: kept.namespace,
            has_ca: kept.has_ca,
            set_at: kept.set_at,
            state: kept.state,
            state_since: kept.state_since,
            cause: kept.cause,
            checked_at: kept.checked_at,
        }
    }
}

/// Wraps the tenant's next key by another keeper. Whoever keeps it now and whoever is to is asked before the transaction; what
/// they were asked about is checked inside.
async fn change<B>(
    ask: &Change<tenant_key::Modify, B>,
    identity: &Identity,
    to: Option<ExternalKey>,
) -> Outcome<TenantKeysView> {
    let ring = identity.db.keyring().ok_or_else(super::none)?;
    let present = present(ask, identity).await?;
    let next = Box::pin(asked(ring, &present, to)).await?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let before = TenantKeysView::of(tenant.id, store::tenant_keys::list(&mut tx, &tenant).await?);
    if !store::tenant_keys::replace(&mut tx, &tenant, &present, &next).await? {
        let detail = "The tenant's keys are being changed by somebody else right now; try again.";
        return Err(fault::Error::conflict(detail).retry_after(1).into());
    }
    match &next.tenant.external {
        Some(external) => store::external_keys::put(&mut tx, &tenant, external).await?,
        None => store::external_keys::remove(&mut tx, &tenant).await?,
    }
    let after = TenantKeysView::of(tenant.id, store::tenant_keys::list(&mut tx, &tenant).await?);
    if tx.keys().is_err() {
        // They come back with this very commit.
        tx.end_keys(&tenant);
    }

    let answer = tx.finish(Status::Ok, Changed(before, after)).await?;
    if !ask.is_dry_run() {
        ring.forget(present.tenant.tenant);
    }
    Ok(answer)
}

/// The keys as they are now, for whoever may change their keeper; a few times an hour at most.
async fn present<B>(ask: &Change<tenant_key::Modify, B>, identity: &Identity) -> Result<WrappedKeys, fault::Error> {
    let mut tx = identity.db.read::<tenant_key::Modify>(ask.caller()).await?;
    let tenant = tx.tenant()?;
    if tenant.id == auth::PLATFORM {
        return Err(fault::Error::conflict(
            "The platform's own tenant keeps its key with the platform.",
        ));
    }
    let present = store::tenant_keys::lookup(&mut tx, &tenant).await?;
    drop(tx);
    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::keeper_changes(&ask.caller().tenant().to_string());
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        return Err(budget::too_many(
            wait,
            "Wait as long as Retry-After says before trying again.",
        ));
    }
    tx.commit().await?;
    present.ok_or_else(super::none)
}

/// Proves the key that is to be, then has the next tenant key wrapped by it.
async fn asked(ring: &Keyring, present: &WrappedKeys, to: Option<ExternalKey>) -> Result<WrappedKeys, fault::Error> {
    let asked = async {
        if let Some(to) = &to {
            let provider = ring.providers().of_tenant(present.tenant.tenant, to)?;
            crypto::check(&provider).await.map_err(|error| {
                let cause = match error {
                    crypto::KekError::Unavailable { cause, .. } | crypto::KekError::Refused { cause, .. } => cause,
                    crypto::KekError::Unreadable { .. } => "it does not unwrap what it wrapped".to_owned(),
                };
                fault::Error::conflict(format!("The key cannot be used, and nothing was changed: {cause}."))
            })?;
        }
        Ok(ring.moved(present, to).await?)
    };
    let late = || fault::Error::conflict("The key servers take too long, and nothing was changed.").retry_after(10);
    tokio::time::timeout(PATIENCE, asked).await.map_err(|_| late())?
}
