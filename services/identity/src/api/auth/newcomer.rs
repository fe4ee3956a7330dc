//! Somebody who is known, with no session yet, and what the rules ask of them: read once for a sign-in.

use auth::{Binding, Caller, Owed, Principal};
use chrono::{DateTime, Utc};
use db::SystemTx;
use ids::{TenantId, UserId};
use web::Origin;

use super::mfa::Factors;
use crate::policy::{Policy, Shown};
use crate::session::Lifetimes;
use crate::signin::{Event, Method};
use crate::store;

/// Who comes in, by which rules.
pub(in crate::api::auth) struct Newcomer {
    pub tenant: TenantId,
    pub user: UserId,
    factors: Factors,
    bindings: Vec<Binding>,
    policy: Policy,
    chosen: Option<DateTime<Utc>>,
}

impl Newcomer {
    pub async fn lookup(tx: &mut SystemTx, (tenant, user): (TenantId, UserId)) -> Result<Self, fault::Error> {
        let (policy, chosen) = store::policies::of_person(tx, tenant, user).await?;
        let bindings = store::rights::bindings(tx, tenant, &Principal::User(user)).await?;
        let factors = Factors::allowed(tx, &policy, user).await?;
        Ok(Self {
            tenant,
            user,
            factors,
            bindings,
            policy,
            chosen,
        })
    }

    /// What the sign-in goes on with, once it is known who it is.
    pub fn found(&self) -> Event {
        let kinds = self.factors.kinds();
        if kinds.is_empty() && self.policy.asks_factor_of(&self.bindings) {
            Event::Lacking
        } else {
            Event::Found(kinds)
        }
    }

    /// Was something weaker shown than what they have? Then no factor was shown for what asks for one of late.
    pub fn has_stronger(&self, methods: &[Method]) -> bool {
        methods.iter().any(|method| method.is_weaker())
            && self.factors.all().iter().any(|factor| !factor.kind.is_weaker())
    }

    /// How long their sessions live.
    pub fn lifetimes(&self, most: Lifetimes) -> Lifetimes {
        self.policy.lifetimes(most)
    }

    /// Has their password come of age?
    pub fn password_is_due(&self, now: DateTime<Utc>) -> bool {
        self.chosen
            .is_some_and(|chosen| self.policy.password.is_due(chosen, now))
    }

    /// What a session begun by these methods owes.
    pub fn owes(&self, methods: &[Method], password_due: bool) -> Vec<Owed> {
        let methods: Vec<String> = methods.iter().map(|method| method.name().to_owned()).collect();
        let has: Vec<String> = self
            .factors
            .all()
            .iter()
            .map(|factor| factor.kind.name().to_owned())
            .collect();
        self.policy.owes(&Shown {
            bindings: &self.bindings,
            methods: &methods,
            has: &has,
            password_due,
        })
    }
}

/// The same for the log, which asks for no rights.
pub(in crate::api::auth) fn caller(origin: &Origin, (tenant, user): (TenantId, UserId)) -> Caller {
    Caller::newcomer(tenant, user, Vec::new(), origin.address, origin.request)
}
