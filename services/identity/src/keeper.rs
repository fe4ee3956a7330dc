//! A new token for the key server of a tenant that is shut out by the end of the present one.
//!
//! While a tenant's key cannot be used, nobody of it signs in, so nobody can hand in another token by the API. The platform's
//! operator can, on the platform's machine, with a token that the tenant gives them: it is taken only if the tenant's key
//! unwraps by it, at the very address and key that the tenant has set.

use auth::action::tenant_key;
use auth::{Action, Caller};
use crypto::{ExternalKey, KeyError};
use db::{AuditEvent, AuditOutcome, Db, Reason};
use ids::TenantId;
use secrecy::SecretString;
use serde_json::json;

use crate::store;

/// Keeps another token for the key that this tenant keeps itself, if it is good.
pub async fn renew_key_token(db: &Db, tenant: TenantId, token: &SecretString) -> Result<(), fault::Error> {
    let missing = || fault::Error::conflict("This tenant keeps no key itself.");
    let ring = db.keyring().ok_or_else(missing)?;
    let mut tx = db.system(Reason::Operator).await?;
    let kept = db::wrapped_keys(tx.sql(), tenant).await?;
    drop(tx);
    let mut kept = kept.ok_or_else(missing)?;
    let present = kept.tenant.external.take().ok_or_else(missing)?;
    let external = ring.providers().external()?;
    let wrong = |(_, rule): (&str, String)| fault::Error::conflict(format!("The token {rule}."));
    let renewed = ExternalKey {
        token: external.seal_token(tenant, token).map_err(wrong)?,
        ..present.clone()
    };
    kept.tenant.external = Some(renewed.clone());
    ring.ask_external(&kept).await.map_err(|error| match error {
        KeyError::External(cause) => fault::Error::conflict(format!("The token is not good: {cause}.")),
        error => error.into(),
    })?;

    let mut tx = db.system(Reason::Operator).await?;
    if !store::external_keys::set_token(&mut tx, tenant, &present.token, &renewed.token).await? {
        return Err(fault::Error::conflict(
            "The tenant's key server was changed meanwhile; try again.",
        ));
    }
    let worker = Caller::worker(tenant, "operator");
    let object = format!("tenant_key:{tenant}");
    let (name, success) = (tenant_key::Modify::INFO.name, AuditOutcome::Success);
    let changes = json!({ "token": "renewed on the platform's machine" });
    let entry = AuditEvent::of(&worker, tx.now(), name, object, success, changes);
    tx.record(tenant, &entry)?;
    tx.commit().await?;
    ring.forget(tenant);
    Ok(())
}
