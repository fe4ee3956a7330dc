use std::marker::PhantomData;

use auth::{Action, Caller};
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use ids::TenantId;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::{Granted, Platform, Resource, Result, Tenant};

/// A transaction of one caller for action `A`. As it stands it cannot write: the server refuses.
pub struct Read<A> {
    pub(crate) tx: Transaction<'static, Postgres>,
    pub(crate) caller: Caller,
    pub(crate) now: DateTime<Utc>,
    keys: Result<TenantKeys, KeyError>,
    action: PhantomData<fn() -> A>,
}

impl<A: Action> Read<A> {
    pub(crate) async fn begin(
        mut tx: Transaction<'static, Postgres>,
        caller: Caller,
        now: DateTime<Utc>,
        keys: Result<TenantKeys, KeyError>,
    ) -> Result<Self> {
        set_tenant(&mut tx, caller.tenant()).await?;
        Ok(Self {
            tx,
            caller,
            now,
            keys,
            action: PhantomData,
        })
    }

    /// The keys end with this transaction: what it says of itself must be readable without them.
    pub(crate) fn lose_keys(&mut self) {
        self.keys = Err(KeyError::Destroyed);
    }

    pub(crate) async fn become_tenant(&mut self, tenant: TenantId) -> Result<()> {
        set_tenant(&mut self.tx, tenant).await
    }

    /// The connection, for `store/` only.
    pub fn sql(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// Who the transaction is for.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whose data it sees.
    pub const fn tenant_id(&self) -> TenantId {
        self.caller.tenant()
    }

    /// The time at which it began, by the service's clock.
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The keys of the caller's tenant. Who needs them outlasts the transaction by a clone, not by much.
    pub fn keys(&self) -> Result<&TenantKeys, KeyError> {
        self.keys.as_ref().map_err(KeyError::clone)
    }

    /// The right to do `A` to this object; 403 or 404 as far as the caller may know.
    pub fn grant<R: Resource>(&self, resource: R) -> Result<Granted<R, A>, fault::Error> {
        Granted::check(&self.caller, resource)
    }

    /// The right to do `A` to the platform.
    pub fn platform(&self) -> Result<Granted<Platform, A>, fault::Error> {
        self.grant(Platform)
    }

    /// The right to do `A` to the caller's tenant.
    pub fn tenant(&self) -> Result<Granted<Tenant, A>, fault::Error> {
        self.grant(Tenant {
            id: self.caller.tenant(),
        })
    }
}

/// Whose rows the transaction sees and writes from now on.
pub(crate) async fn set_tenant(sql: &mut PgConnection, tenant: TenantId) -> Result<()> {
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(sql)
        .await?;
    Ok(())
}
