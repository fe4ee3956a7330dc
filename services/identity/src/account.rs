//! Service accounts: machines with an account of their own.

pub mod credential;

use auth::action::service_account;
use auth::{Action, Info, Place, Principal};
use chrono::{DateTime, Utc};
use db::Resource;
use ids::{ServiceAccountId, TenantId};

use crate::api_key::Holder;

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: ServiceAccountId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Do its keys let anything in?
    pub enabled: bool,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl ServiceAccount {
    /// Who it is.
    pub const fn principal(&self) -> Principal {
        Principal::ServiceAccount(self.id)
    }

    /// As the holder of keys.
    pub const fn holder(&self) -> Holder {
        Holder {
            tenant: self.tenant,
            principal: self.principal(),
        }
    }
}

impl Resource for ServiceAccount {
    const NAME: &'static str = "service account";
    const READ: &'static Info = service_account::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}
