use actix_web::delete;
use actix_web::web::Data;
use auth::action::tenant_key;
use db::Outcome;
use web::{Change, DryRun, Refusals};

use super::super::TenantKeysView;
use super::change;
use crate::state::Identity;

/// Has the tenant's key wrapped by the platform's again.
#[utoipa::path(
    operation_id = "remove_external_key",
    tag = "tenant-keys",
    description = "Makes the tenant's next key and has it wrapped by the platform's; the key that the tenant keeps itself must \
                   answer once more. Needs `tenant_key.modify` and a factor shown of late.",
    params(DryRun),
    responses((status = 200, description = "The keys", body = TenantKeysView), Refusals),
    security(("bearer" = [])),
)]
#[delete("/tenant/keys/external")]
pub async fn remove_external_key(ask: Change<tenant_key::Modify>, identity: Data<Identity>) -> Outcome<TenantKeysView> {
    change(&ask, &identity, None).await
}
