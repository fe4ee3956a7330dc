//! Before the password is looked at: who it may be, and whether another guess is to be had.

use auth::PLATFORM;
use crypto::LookupKey;
use db::SystemTx;
use ids::uuid::Uuid;
use ids::{TenantId, UserId};

use super::Attempt;
use crate::api::auth::budget;
use crate::guess::{self, Budget};
use crate::state::Identity;
use crate::store;
use crate::store::people::Candidate;

/// No tenant has this id: one that is named and does not exist is searched like any other.
const NOWHERE: TenantId = TenantId::from_uuid(Uuid::nil());
/// Nobody's id.
const NOBODY: UserId = UserId::from_uuid(Uuid::nil());

/// What the database knows of an attempt.
pub(super) struct Found {
    /// In whose log it belongs.
    pub tenant: TenantId,
    /// The one person it can be.
    pub candidate: Option<Candidate>,
    /// What it spends.
    pub budgets: Vec<Budget>,
}

impl Found {
    async fn lookup(
        tx: &mut SystemTx,
        attempt: &Attempt<'_>,
        identity: &Identity,
        lookup: &LookupKey,
    ) -> Result<Self, fault::Error> {
        let named = match &attempt.tenant {
            Some(name) => Some(store::tenants::named(tx, name.as_str()).await?.unwrap_or(NOWHERE)),
            None => None,
        };
        let mut people = store::people::candidates(tx, (&attempt.email, lookup), named).await?;
        // Two people and no tenant: nobody in particular. Saying so would tell strangers where the address is used.
        let candidate = if people.len() == 1 { people.pop() } else { None };
        let log = candidate
            .as_ref()
            .map(|candidate| candidate.tenant)
            .or(named.filter(|tenant| *tenant != NOWHERE));
        // Asked of nobody as well: else whoever measures learns who is somebody.
        let person = candidate.as_ref().map_or((NOWHERE, NOBODY), |of| (of.tenant, of.user));
        let known = store::people::knows(tx, lookup, person, &attempt.network).await?;
        let budgets = guess::budgets(&identity.guesses, &attempt.email, &attempt.network, known);
        Ok(Self {
            tenant: log.unwrap_or(PLATFORM),
            candidate,
            budgets,
        })
    }

    /// The hash to compare with.
    pub fn hash(&self) -> Option<&str> {
        self.candidate.as_ref().map(|candidate| candidate.hash.as_str())
    }

    /// Whom they were after, for the log.
    pub fn object(&self) -> String {
        self.candidate.as_ref().map_or_else(
            || "user:unknown".to_owned(),
            |candidate| format!("user:{}", candidate.user),
        )
    }
}

/// Finds who it may be, and pays for the guess before the password is looked at: fifty guesses at once pay fifty times.
pub(super) async fn admit(identity: &Identity, attempt: &Attempt<'_>) -> Result<Found, fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let lookup = identity.lookup.held()?;
    let found = Found::lookup(&mut tx, attempt, identity, lookup).await?;
    if let Some(spent) = store::guesses::spend(&mut tx, lookup, &found.budgets).await? {
        drop(tx);
        let whom = (found.tenant, found.object());
        return Err(budget::slow_down(identity, attempt.origin, whom, spent).await?);
    }
    tx.commit().await?;
    Ok(found)
}
