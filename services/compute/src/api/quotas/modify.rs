use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::quota;
use db::{Changed, Outcome, Status};
use fault::FieldError;
use ids::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::TenantQuotaView;
use super::read::QuotaPath;
use crate::quota::Limits;
use crate::service::Compute;
use crate::store;

/// What to change of a tenant's limits; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyQuota {
    /// Machines.
    #[schema(example = 20, minimum = 0)]
    pub vms: Option<i32>,
    /// Virtual processors.
    #[schema(example = 40, minimum = 0)]
    pub vcpus: Option<i32>,
    /// Memory in MiB.
    #[schema(example = 81920, minimum = 0)]
    pub memory_mib: Option<i64>,
    /// Disk in GiB.
    #[schema(example = 500, minimum = 0)]
    pub disk_gib: Option<i64>,
}

impl ModifyQuota {
    fn check(&self) -> Result<(), fault::Error> {
        let fields = [
            ("/vms", self.vms.map(i64::from)),
            ("/vcpus", self.vcpus.map(i64::from)),
            ("/memory_mib", self.memory_mib),
            ("/disk_gib", self.disk_gib),
        ];
        let negative = fields.into_iter().filter(|(_, limit)| limit.is_some_and(|limit| limit < 0));
        let wrong: Vec<_> = negative.map(|(at, _)| FieldError::new(at, "must not be negative")).collect();
        if wrong.is_empty() { Ok(()) } else { Err(fault::Error::invalid_fields(wrong)) }
    }

    fn over(&self, limits: Limits) -> Limits {
        Limits {
            vms: self.vms.unwrap_or(limits.vms),
            vcpus: self.vcpus.unwrap_or(limits.vcpus),
            memory_mib: self.memory_mib.unwrap_or(limits.memory_mib),
            disk_gib: self.disk_gib.unwrap_or(limits.disk_gib),
        }
    }
}

/// Changes any tenant's limits.
#[utoipa::path(
    operation_id = "modify_tenant_quota",
    tag = "system",
    description = "Sets limits of a tenant. Limits below what is used take nothing away: nothing more is given. For platform \
                   operators: needs `quota.modify`.",
    params(
        ("tenant" = TenantId, Path, description = "The tenant's id"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("If-Match" = Option<String>, Header, description = "Only if the quota still is as it was read"),
    ),
    request_body(content = ModifyQuota, description = "What to change"),
    responses((status = 200, description = "The quota as it is now", body = TenantQuotaView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/system/quotas/{tenant}")]
pub async fn modify_tenant_quota(
    ask: Change<quota::Modify, ModifyQuota>,
    path: Path<QuotaPath>,
    compute: Data<Compute>,
) -> Outcome<TenantQuotaView> {
    ask.body.check()?;
    let tenant = path.tenant()?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let defaults = &compute.settings.quota;
    let before = store::quotas::lookup_any(&mut tx, &platform, tenant, defaults).await?;

    let limits = ask.body.over(before.limits);
    let after = store::quotas::set_limits(&mut tx, &platform, tenant, &limits).await?;

    let (before, after) = (TenantQuotaView::of(tenant, &before), TenantQuotaView::of(tenant, &after));
    tx.finish(Status::Ok, Changed(before, after)).await
}
