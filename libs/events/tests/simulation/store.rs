//! A database as feeding sees one: what is visible when, in which order, who waits for whom, and what is left of work that
//! nobody ended. `contract.rs` holds it against the real one.

mod page;
mod state;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use crypto::KeyError;
use db::{Reason, Result};
use events::step::Ledger;
use ids::TenantId;

use crate::executor::{Sim, Time};
use crate::mutant::Switch;

pub use page::Tx;
pub use state::State;

#[derive(Clone)]
pub struct Store {
    pub sim: Sim,
    pub switch: Switch,
    state: Arc<Mutex<State>>,
}

/// What is said when the connection is gone.
pub fn away() -> db::Error {
    db::Error::Away(sqlx::Error::PoolClosed)
}

pub fn date(time: Time) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000 + i64::try_from(time).unwrap()).unwrap()
}

impl Store {
    pub fn new(sim: Sim, switch: Switch) -> Self {
        let state = Arc::new(Mutex::new(State::new()));
        Self { sim, switch, state }
    }

    /// As it is now: what clients left behind long enough ago is rolled back.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let now = self.sim.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.reap(now);
        state
    }

    /// The server dies and comes back: all open work is gone.
    pub fn restart(&self) {
        self.state().cut_all();
    }
}

impl Ledger for Store {
    type Tx = Tx;

    async fn begin(&self, _: Reason) -> Result<Tx> {
        self.sim.step("begin").await;
        if self.sim.fault(80) {
            return Err(away());
        }
        Ok(Tx::new(self.clone()))
    }

    fn holds_keys(&self, tenant: TenantId) -> bool {
        self.state().keyless != Some(tenant)
    }

    async fn ask_keys(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.sim.step("ask for keys").await;
        if self.holds_keys(tenant) {
            return Ok(());
        }
        Err(KeyError::External("it does not answer".to_owned()))
    }

    async fn gather_keys(&self, tenants: Vec<TenantId>) -> Result<HashSet<TenantId>, KeyError> {
        self.sim.step("gather keys").await;
        Ok(tenants.into_iter().filter(|tenant| !self.holds_keys(*tenant)).collect())
    }
}
