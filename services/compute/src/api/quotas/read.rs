use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::quota;
use ids::TenantId;
use serde::Deserialize;
use web::{Found, Read, Refusals};

use super::TenantQuotaView;
use crate::state::Compute;
use crate::store;

/// The path of a tenant's quota.
#[derive(Debug, Deserialize)]
pub struct QuotaPath {
    tenant: String,
}

impl QuotaPath {
    pub(super) fn tenant(&self) -> Result<TenantId, fault::Error> {
        self.tenant.parse().map_err(|_| fault::Error::not_found("tenant"))
    }
}

/// Reads any tenant's quota.
#[utoipa::path(
    operation_id = "read_tenant_quota",
    tag = "quotas",
    description = "What a tenant may use and uses. For platform operators: needs `quota.modify`, since the right to read \
                   one's own tenant's quota says nothing about others'.",
    params(("tenant" = TenantId, Path, description = "The tenant's id")),
    responses((status = 200, description = "The quota", body = TenantQuotaView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/quotas/{tenant}")]
pub async fn read_tenant_quota(
    ask: Read<quota::Modify>,
    path: Path<QuotaPath>,
    compute: Data<Compute>,
) -> Result<Found<TenantQuotaView>, fault::Error> {
    let tenant = path.tenant()?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let quota = store::quotas::lookup_any(&mut tx, &platform, tenant, &compute.settings.quota).await?;
    Ok(Found(TenantQuotaView::of(tenant, &quota)))
}
