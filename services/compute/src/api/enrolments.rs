//! Permissions to enrol a host: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;

use chrono::{DateTime, Utc};
use ids::{EnrolmentId, HostId, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::host::enrolment::Enrolment;

/// A permission's path.
#[derive(Debug, Deserialize)]
pub struct InEnrolment {
    /// Its id.
    pub enrolment: EnrolmentId,
}

/// What became of a permission. New words may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentStatus {
    /// Its token can be used.
    Open,
    /// A host came of it.
    Used,
    /// It ended unused.
    Expired,
}

/// A one-use permission to enrol a host, without its token.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnrolmentView {
    /// Its id.
    pub id: EnrolmentId,
    /// The name of the pool the host will be in.
    #[schema(example = "default")]
    pub pool: String,
    /// That pool's id.
    pub pool_id: PoolId,
    /// What became of it.
    pub status: EnrolmentStatus,
    /// The host that came of it.
    pub host_id: Option<HostId>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Enrolment> for EnrolmentView {
    fn from(enrolment: &Enrolment) -> Self {
        let status = match (enrolment.used_at, enrolment.expired) {
            (Some(_), _) => EnrolmentStatus::Used,
            (None, true) => EnrolmentStatus::Expired,
            (None, false) => EnrolmentStatus::Open,
        };
        Self {
            id: enrolment.id,
            pool: enrolment.pool.1.clone(),
            pool_id: enrolment.pool.0,
            status,
            host_id: enrolment.host,
            expires_at: enrolment.expires_at,
            used_at: enrolment.used_at,
            created_at: enrolment.created_at,
            updated_at: enrolment.updated_at,
        }
    }
}

impl db::Subject for EnrolmentView {
    fn object(&self) -> String {
        format!("enrolment:{}", self.id)
    }
}
