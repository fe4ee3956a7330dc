use actix_web::delete;
use actix_web::web::Data;
use auth::action::tenant;
use db::{Outcome, Removed, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::TenantView;
use crate::state::Identity;
use crate::store;

/// What is to end for good.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndTenant {
    /// The tenant's name, once more: there is no way back.
    #[schema(example = "acme", min_length = 1, max_length = 63)]
    pub confirm: String,
}

/// Ends the caller's tenant.
#[utoipa::path(
    operation_id = "delete_tenant",
    tag = "tenant",
    description = "Destroys the tenant's key, and with it all that is sealed under it, in backups too, and removes its people, \
                   machines, groups, roles and providers. Every session and key ends within seconds. The name stays taken, and \
                   the audit log stays verifiable: it says who did what and when, and no longer what changed. Its projects \
                   must be deleted before. There is no way back, so the name is asked for once more. Send the `ETag` last \
                   read as `If-Match`. Needs `tenant.delete` and a factor shown of late.",
    params(DryRun, IfMatch),
    request_body(content = EndTenant, description = "The name, once more"),
    responses(
        (status = 204, description = "Ended"),
        (status = 200, description = "Dry run: what would end", body = TenantView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/tenant")]
pub async fn delete_tenant(ask: Change<tenant::Delete, EndTenant>, identity: Data<Identity>) -> Outcome<TenantView> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let gone = TenantView::from(store::tenants::hold(&mut tx, &tenant).await?);
    tx.must_match(&gone)?;
    if ask.body.confirm != gone.name {
        return Err(fault::Error::invalid("/confirm", "must be the tenant's name").into());
    }
    if tenant.id == auth::PLATFORM {
        return Err(fault::Error::conflict("The platform's own tenant stays.").into());
    }
    if store::tenants::has_projects(&mut tx, &tenant).await? {
        let detail = "The tenant still has projects; delete them first, with what is in them.";
        return Err(fault::Error::conflict(detail).into());
    }

    store::tenants::empty(&mut tx, &tenant).await?;
    store::tenant_keys::destroy(&mut tx, &tenant).await?;
    tx.end_keys(&tenant);

    let ended = (tenant.id, tx.now());
    let answer = tx.finish(Status::NoContent, Removed(gone)).await?;
    if !ask.is_dry_run() {
        forget(&identity, ended);
    }
    Ok(answer)
}

/// The database has said it; now the list beside it does. If this fails, the worker does it within a minute.
fn forget(identity: &Identity, (tenant, at): (ids::TenantId, chrono::DateTime<chrono::Utc>)) {
    let Some(ring) = identity.db.keyring() else { return };
    ring.forget(tenant);
    if let Err(error) = ring.destroyed().add(tenant, at) {
        tracing::error!(%tenant, %error, "a destroyed key is not on the list outside the database yet");
    }
}

#[cfg(test)]
mod tests;
