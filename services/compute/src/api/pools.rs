//! Pools: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{IdOrName, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::placement::Policy;
use crate::pool::{Overcommit, Pool};

/// A pool's path.
#[derive(Debug, Deserialize)]
pub struct InPool {
    /// Id or name.
    pub pool: IdOrName<PoolId>,
}

/// How much more is promised than there is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OvercommitView {
    /// Virtual processors per logical processor, 1 to 16.
    #[schema(example = 4.0, minimum = 1, maximum = 16)]
    pub cpu: f64,
    /// Memory promised per memory there is, 1 to 2.
    #[schema(example = 1.0, minimum = 1, maximum = 2)]
    pub memory: f64,
}

impl From<OvercommitView> for Overcommit {
    fn from(view: OvercommitView) -> Self {
        Self {
            cpu: view.cpu,
            memory: view.memory,
        }
    }
}

/// A pool of hosts that machines are placed in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PoolView {
    /// Its id.
    pub id: PoolId,
    /// Its name.
    #[schema(example = "default")]
    pub name: String,
    /// Where it stands.
    #[schema(example = "eu-1")]
    pub region: String,
    /// How much more is promised than there is.
    pub overcommit: OvercommitView,
    /// How machines are spread over its hosts.
    pub policy: Policy,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Pool> for PoolView {
    fn from(pool: &Pool) -> Self {
        Self {
            id: pool.id,
            name: pool.name.clone(),
            region: pool.region.clone(),
            overcommit: OvercommitView {
                cpu: pool.overcommit.cpu,
                memory: pool.overcommit.memory,
            },
            policy: pool.policy,
            generation: pool.generation,
            created_at: pool.created_at,
            updated_at: pool.updated_at,
        }
    }
}

impl db::Subject for PoolView {
    fn object(&self) -> String {
        format!("pool:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/system/pools/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}
