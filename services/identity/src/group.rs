//! Groups of people, to bind roles to.

use auth::action::group;
use auth::{Action, Info, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use ids::{GroupId, TenantId, UserId};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for Group {
    const NAME: &'static str = "group";
    const READ: &'static Info = group::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The group.
    pub group: GroupId,
    /// Who.
    pub user: UserId,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub display_name: String,
    /// May they sign in?
    pub enabled: bool,
    /// Since when.
    pub created_at: DateTime<Utc>,
}
