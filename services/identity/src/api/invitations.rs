//! Invitations: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;

use chrono::{DateTime, Utc};
use db::Subject;
use ids::{InvitationId, ProjectId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::invitation::{Invitation, Status};

/// An invitation's path.
#[derive(Debug, Deserialize)]
pub struct InInvitation {
    /// Id.
    pub invitation: InvitationId,
}

/// How far an invitation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// It may be accepted.
    Open,
    /// It was.
    Accepted,
    /// It was taken back.
    Revoked,
    /// It is too late.
    Expired,
}

impl From<Status> for InvitationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Accepted => Self::Accepted,
            Status::Revoked => Self::Revoked,
            Status::Expired => Self::Expired,
        }
    }
}

/// An invitation to become a person of the tenant, without its token.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// Who is invited.
    #[schema(example = "grace@example.com")]
    pub email: String,
    /// The role they will have.
    #[schema(example = "operator")]
    pub role: String,
    /// The project they will have it in; none: the whole tenant.
    pub project_id: Option<ProjectId>,
    /// Who invites.
    #[schema(example = "user:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub invited_by: String,
    /// How far it has come.
    pub status: InvitationStatus,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// Who came of it.
    pub user_id: Option<UserId>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl InvitationView {
    /// The invitation as it is at this time.
    pub fn at(invitation: &Invitation, now: DateTime<Utc>) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.as_str().to_owned(),
            role: invitation.offer.rights.name().to_owned(),
            project_id: invitation.offer.project,
            invited_by: invitation.inviter.to_string(),
            status: invitation.status(now).into(),
            expires_at: invitation.expires_at,
            accepted_at: invitation.accepted.map(|(at, _)| at),
            user_id: invitation.accepted.map(|(_, user)| user),
            revoked_at: invitation.revoked_at,
            created_at: invitation.created_at,
            updated_at: invitation.updated_at,
        }
    }
}

impl Subject for InvitationView {
    fn object(&self) -> String {
        format!("invitation:{}", self.id)
    }

    /// The log does not learn who is invited: it outlives them.
    fn record(&self) -> Value {
        json!({"id": self.id, "role": self.role, "project_id": self.project_id, "expires_at": self.expires_at})
    }
}
