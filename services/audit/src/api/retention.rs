//! How long the log keeps what its entries tell: wire types and endpoints.

pub mod modify;
pub mod read;

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Tenant};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::retention::{LEAST, Retention};
use crate::store;

/// How long the log keeps what its entries tell. The entries themselves stay for good, and every proof about them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditRetentionView {
    /// So many days; then what changed and the address are erased, a thousand entries at a time.
    #[schema(example = 365)]
    pub days: i32,
    /// Less cannot be decided.
    #[schema(example = 180)]
    pub least_days: i64,
    /// How many legal holds are on: while one is, nothing is erased.
    #[schema(example = 0)]
    pub holds: i64,
    /// Counts changes.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was last changed; none: never.
    pub updated_at: Option<DateTime<Utc>>,
}

impl AuditRetentionView {
    async fn of<A: Action>(
        tx: &mut Read<A>,
        tenant: &Granted<Tenant, A>,
        retention: Retention,
    ) -> Result<Self, fault::Error> {
        Ok(Self {
            days: retention.days,
            least_days: LEAST,
            holds: store::retention::holds_on(tx, tenant).await?,
            generation: retention.generation,
            updated_at: retention.updated_at,
        })
    }
}

impl db::Subject for AuditRetentionView {
    fn object(&self) -> String {
        "policy:audit-retention".to_owned()
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}-{}\"", self.generation, self.holds))
    }

    fn record(&self) -> Value {
        json!({"days": self.days})
    }
}
