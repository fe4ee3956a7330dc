//! Quotas: wire types and endpoints.

pub mod list;
pub mod modify;
pub mod read;

use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::quota::{Limits, Quota};

/// One resource of the tenant's quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QuotaView {
    /// `vms`, `vcpus`, `memory_mib` or `disk_gib`; new ones may come.
    #[schema(example = "vcpus")]
    pub resource: String,
    /// How much may be used.
    #[schema(example = 40)]
    pub limit: i64,
    /// How much is used.
    #[schema(example = 4)]
    pub used: i64,
}

impl QuotaView {
    fn all(quota: &Quota) -> Vec<Self> {
        let rows = quota.rows().into_iter();
        rows.map(|(resource, limit, used)| Self {
            resource: resource.to_owned(),
            limit,
            used,
        })
        .collect()
    }
}

/// A tenant's quota, as the platform's operators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantQuotaView {
    /// Whose it is.
    pub id: TenantId,
    /// What may be used.
    pub limits: LimitsView,
    /// Each resource with its use.
    pub items: Vec<QuotaView>,
    /// Counts the changes of the limits; also its `ETag`. 0 while the defaults hold.
    #[schema(example = 1)]
    pub generation: i64,
}

/// What a tenant may use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsView {
    /// Machines.
    #[schema(example = 20, minimum = 0)]
    pub vms: i32,
    /// Virtual processors.
    #[schema(example = 40, minimum = 0)]
    pub vcpus: i32,
    /// Memory in MiB.
    #[schema(example = 81920, minimum = 0)]
    pub memory_mib: i64,
    /// Disk in GiB.
    #[schema(example = 500, minimum = 0)]
    pub disk_gib: i64,
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            vms: limits.vms,
            vcpus: limits.vcpus,
            memory_mib: limits.memory_mib,
            disk_gib: limits.disk_gib,
        }
    }
}

impl TenantQuotaView {
    fn of(tenant: TenantId, quota: &Quota) -> Self {
        let (limits, items) = (quota.limits.into(), QuotaView::all(quota));
        Self {
            id: tenant,
            limits,
            items,
            generation: quota.version,
        }
    }
}

impl db::Subject for TenantQuotaView {
    fn object(&self) -> String {
        format!("quota:{}", self.id)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::to_value(self.limits).unwrap_or_default()
    }

    /// Use changes without the limits changing, and the answer shows both.
    fn etag(&self) -> Option<String> {
        let used: Vec<_> = self.items.iter().map(|item| item.used.to_string()).collect();
        Some(format!("\"{}-{}\"", self.generation, used.join(".")))
    }
}
