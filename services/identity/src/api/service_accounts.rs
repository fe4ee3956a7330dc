//! Service accounts: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted};
use ids::{IdOrName, ServiceAccountId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::ServiceAccount;
use crate::store;
use crate::user::must_cover;

/// An account's path.
#[derive(Debug, Deserialize)]
pub struct InAccount {
    /// Id or name.
    pub account: IdOrName<ServiceAccountId>,
}

/// A service account: a machine with rights and keys of its own.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ServiceAccountView {
    /// Its id.
    pub id: ServiceAccountId,
    /// Its name, unique in the tenant.
    #[schema(example = "backup")]
    pub name: String,
    /// What it is for.
    #[schema(example = "Takes the nightly backup")]
    pub description: String,
    /// Do its keys let anything in?
    #[schema(example = true)]
    pub enabled: bool,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&ServiceAccount> for ServiceAccountView {
    fn from(account: &ServiceAccount) -> Self {
        Self {
            id: account.id,
            name: account.name.clone(),
            description: account.description.clone(),
            enabled: account.enabled,
            generation: account.generation,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

impl db::Subject for ServiceAccountView {
    fn object(&self) -> String {
        format!("service_account:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/service-accounts/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}

/// Takes an account for a change by somebody who may do all that it may: else its keys would be a way to more rights.
pub(super) async fn hold_covered<A: Action>(
    tx: &mut Change<A>,
    account: &IdOrName<ServiceAccountId>,
) -> Result<Granted<ServiceAccount, A>, fault::Error> {
    let account = store::service_accounts::hold(tx, account).await?;
    let carried = store::rights::bindings_of(tx, &account.principal()).await?;
    must_cover(tx.caller(), &carried)?;
    Ok(account)
}
