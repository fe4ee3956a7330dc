//! The cache of tenants' keys.
//!
//! # What it guarantees
//! - Keys are fetched once for many who ask at once, and again when they are [`Rules::fresh`] old; so the destruction of a
//!   tenant's key is known everywhere within that time.
//! - While the provider or the store is away, keys are held for [`Rules::patience`] after the last success, and no longer.
//! - A data key seals at most [`Rules::messages`] messages in all processes together: each takes messages in blocks before
//!   it seals them, and what a dead process had taken is lost.
//! - The next key of a purpose is there [`Rules::announced`] before it seals, so that who holds older keys has it by then.
//!
//! # What it refuses
//! To make a second key for a tenant whose key was destroyed, and any key for a tenant on the list of destroyed keys,
//! whatever the store says: the store may be a restored backup. And to use or to add to what a wrong key would unwrap.

mod plan;
mod rules;
mod slot;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use ids::TenantId;
use tokio::time::timeout;

pub use rules::Rules;

use self::plan::Plan;
use self::slot::{Held, Slot};
use crate::tenant_keys::{KeyName, Outlook, Sealing};
use crate::wrapping::{self, TenantKey};
use crate::{
    Asked, Destroyed, ExternalKey, Kek, KeyError, KeyStore, Providers, Purpose, TenantKeys, WrappedDataKey,
    WrappedKeys, WrappedTenantKey,
};

/// How long a fetch may take. Providers that are slower count as away.
const SLOW: Duration = Duration::from_secs(10);
/// A fetch looks again when somebody else was quicker. So often in a row nobody is.
const TURNS: usize = 8;
/// How many messages a process takes that has sealed none yet. Half of it must do for one transaction, in which none are taken.
const SMALL_BLOCK: u64 = 1 << 13;

/// Tenants' keys, as long as they are needed. Clones share them.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    providers: Providers,
    platform: Option<Kek>,
    destroyed: Destroyed,
    rules: Rules,
    clock: Clock,
    slots: Mutex<HashMap<TenantId, Arc<Slot>>>,
    swept: Mutex<DateTime<Utc>>,
}

impl Keyring {
    /// A ring on these providers. `platform` opens values of format 1.
    pub fn new(providers: Providers, platform: Option<Kek>, destroyed: Destroyed, clock: Clock) -> Self {
        Self::with_rules(providers, platform, destroyed, clock, Rules::default())
    }

    /// The same by other rules.
    pub fn with_rules(
        providers: Providers,
        platform: Option<Kek>,
        destroyed: Destroyed,
        clock: Clock,
        rules: Rules,
    ) -> Self {
        Self(Arc::new(Inner {
            providers,
            platform,
            destroyed,
            rules,
            swept: Mutex::new(clock.now()),
            clock,
            slots: Mutex::default(),
        }))
    }

    /// The providers of key-encryption keys.
    pub fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// The platform's own key, which seals what is to be read whatever becomes of a tenant's.
    pub fn platform(&self) -> Result<&Kek, KeyError> {
        let missing = || KeyError::Unavailable("the platform's own key is not here".to_owned());
        self.0.platform.as_ref().ok_or_else(missing)
    }

    /// The list of destroyed keys.
    pub fn destroyed(&self) -> &Destroyed {
        &self.0.destroyed
    }

    /// A tenant's keys, made now if it never had any. May ask the provider: never inside a transaction.
    pub async fn keys(&self, store: &impl KeyStore, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        let slot = self.slot(tenant);
        if let Some(answer) = self.fresh(&slot) {
            return answer;
        }
        let Some(_flight) = slot.turn().await else {
            return self.held(tenant);
        };
        if let Some(answer) = self.fresh(&slot) {
            return answer;
        }
        let before = slot.held();
        let known = before.as_ref().and_then(|held| held.keys.as_ref().ok());
        // Boxed, for whoever begins a transaction would carry it along, and it is seldom run.
        let fetched = timeout(SLOW, Box::pin(self.fetch(store, (tenant, &slot), known))).await;
        let fetched = fetched.unwrap_or_else(|_| Err(slot.slow()));
        self.settle(&slot, before, fetched)
    }

    /// Somebody has waited as long as they could for a key that the tenant keeps itself: for a while, nobody asks for it.
    pub fn give_up(&self, tenant: TenantId) {
        let slot = self.slot(tenant);
        if slot.external.load(Ordering::Relaxed) && self.fresh(&slot).is_none() {
            let before = slot.held();
            // What is held, and how it is told, is for those who need it.
            let _ = self.settle(&slot, before, Err(slot.slow()));
        }
    }

    /// A tenant's keys, if they are held. Asks nobody, so it may be called inside a transaction that somebody has prepared
    /// with [`Self::keys`].
    pub fn held(&self, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        let held = self.slots().get(&tenant).and_then(|slot| slot.held());
        let missing = || KeyError::Unavailable("they are not held".to_owned());
        let held = held.filter(|held| self.lives(held)).ok_or_else(missing)?;
        held.keys
    }

    /// Are keys held that need not be asked for again?
    pub fn holds(&self, tenant: TenantId) -> bool {
        let slot = self.slots().get(&tenant).map(Arc::clone);
        let away = |error: &KeyError| {
            matches!(
                error,
                KeyError::Unavailable(_) | KeyError::External(_) | KeyError::Store(_)
            )
        };
        let answer = slot.and_then(|slot| self.fresh(&slot));
        answer.is_some_and(|answer| !answer.is_err_and(|error| away(&error)))
    }

    /// A tenant's key as the present provider wraps it.
    pub async fn rewrapped(&self, kept: &WrappedTenantKey) -> Result<WrappedTenantKey, KeyError> {
        wrapping::rewrapped(&self.0.providers, kept).await
    }

    /// A tenant's next key under another keeper, the tenant's own or the platform's, and its data keys wrapped by that. Two
    /// minutes after it left the platform, data keys seal that the platform has never wrapped.
    pub async fn moved(&self, kept: &WrappedKeys, to: Option<ExternalKey>) -> Result<WrappedKeys, KeyError> {
        wrapping::moved(&self.0.providers, kept, to, self.0.clock.now()).await
    }

    /// Asks the key that the tenant keeps itself whether it still unwraps the tenant's.
    pub async fn ask_external(&self, kept: &WrappedKeys) -> Result<(), KeyError> {
        TenantKey::unwrap(&self.0.providers, &kept.tenant).await?.prove(kept)
    }

    /// A tenant's next key, and its data keys wrapped by that.
    pub async fn rotated(&self, kept: &WrappedKeys) -> Result<WrappedKeys, KeyError> {
        wrapping::rotated(&self.0.providers, kept).await
    }

    /// Forgets a tenant's keys: the next who asks hears what is true by then.
    pub fn forget(&self, tenant: TenantId) {
        self.slots().remove(&tenant);
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Arc<Slot>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, tenant: TenantId) -> Arc<Slot> {
        let mut slots = self.slots();
        self.sweep(&mut slots);
        if let Some(slot) = slots.get(&tenant) {
            return Arc::clone(slot);
        }
        if slots.len() >= self.0.rules.tenants {
            Self::make_room(&mut slots);
        }
        Arc::clone(slots.entry(tenant).or_default())
    }

    /// Now and then, what is no longer good goes, and with it the keys from memory.
    fn sweep(&self, slots: &mut HashMap<TenantId, Arc<Slot>>) {
        let now = self.0.clock.now();
        let mut swept = self.0.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if now - *swept >= self.0.rules.fresh {
            *swept = now;
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.held().is_some_and(|held| self.lives(&held)));
        }
    }

    /// The older half goes, except where somebody is at it.
    fn make_room(slots: &mut HashMap<TenantId, Arc<Slot>>) {
        let age = |slot: &Arc<Slot>| slot.held().map(|held| held.fetched);
        let mut ages: Vec<_> = slots.values().map(age).collect();
        ages.sort_unstable();
        let middle = ages.get(ages.len() / 2).copied().flatten();
        slots.retain(|_, slot| Arc::strong_count(slot) > 1 || age(slot) > middle);
    }

    fn lives(&self, held: &Held) -> bool {
        self.within(held, self.0.rules.patience)
    }

    /// A clock that went back makes nothing younger.
    fn within(&self, held: &Held, limit: TimeDelta) -> bool {
        let age = self.0.clock.now() - held.fetched;
        age >= TimeDelta::zero() && age < limit
    }

    /// What is held, if nobody is to be asked now.
    fn fresh(&self, slot: &Slot) -> Option<Result<TenantKeys, KeyError>> {
        let held = slot.held()?;
        let now = self.0.clock.now();
        if held.rest.is_some_and(|rest| now < rest && self.lives(&held)) {
            return Some(held.keys);
        }
        let wanting = held.keys.as_ref().is_ok_and(TenantKeys::wanting);
        (held.rest.is_none() && !wanting && self.within(&held, self.0.rules.fresh)).then_some(held.keys)
    }

    /// Keeps what was fetched; if nothing was, what is held is still good for a while.
    fn settle(
        &self,
        slot: &Slot,
        before: Option<Held>,
        fetched: Result<TenantKeys, KeyError>,
    ) -> Result<TenantKeys, KeyError> {
        let now = self.0.clock.now();
        let held = match fetched {
            known @ (Ok(_) | Err(KeyError::Destroyed)) => Held {
                keys: known,
                fetched: now,
                rest: None,
                failures: 0,
            },
            Err(error) => {
                tracing::warn!(%error, "a tenant's keys cannot be fetched");
                let failures = before.as_ref().map_or(0, |held| held.failures).saturating_add(1);
                let rest = Some(now + self.0.rules.pause_after(&error, failures));
                match before.filter(|held| held.keys.is_ok() && self.lives(held)) {
                    Some(before) => Held {
                        rest,
                        failures,
                        ..before
                    },
                    None => Held {
                        keys: Err(error),
                        fetched: now,
                        rest,
                        failures,
                    },
                }
            }
        };
        let answer = held.keys.clone();
        *slot.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        answer
    }

    async fn fetch(
        &self,
        store: &impl KeyStore,
        (tenant, slot): (TenantId, &Slot),
        before: Option<&TenantKeys>,
    ) -> Result<TenantKeys, KeyError> {
        if self.0.destroyed.holds(tenant)? {
            return Err(KeyError::Destroyed);
        }
        let mut full = HashSet::new();
        for _ in 0..TURNS {
            let Some(kept) = store.load(tenant).await? else {
                let first = wrapping::first(&self.0.providers, tenant, self.0.clock.now()).await?;
                store.make(&first).await?;
                continue;
            };
            slot.external.store(kept.tenant.external.is_some(), Ordering::Relaxed);
            let key = TenantKey::unwrap(&self.0.providers, &kept.tenant).await?;
            key.prove(&kept)?;
            let now = self.0.clock.now();
            let plan = Plan::of(&kept, &full, &self.0.rules, now);
            if !plan.missing.is_empty() {
                let made = plan
                    .missing
                    .iter()
                    .map(|(purpose, epoch)| key.make_data(*purpose, *epoch, now));
                let made: Vec<_> = made.collect::<Result<_, _>>()?;
                store.add(tenant, key.version, &made).await?;
                continue;
            }
            match self.take(store, &kept, plan, before).await? {
                Ok(sealing) => return self.unwrapped(&key, &kept, sealing, before),
                Err(refused) => full.extend(refused),
            }
        }
        Err(KeyError::Unavailable("others are always quicker".to_owned()))
    }

    fn unwrapped(
        &self,
        key: &TenantKey,
        kept: &WrappedKeys,
        sealing: HashMap<Purpose, Arc<Sealing>>,
        before: Option<&TenantKeys>,
    ) -> Result<TenantKeys, KeyError> {
        let named = |data: &WrappedDataKey| Ok(((data.purpose, data.epoch), key.unwrap_data(data)?));
        let keys = kept
            .data
            .iter()
            .map(named)
            .collect::<Result<HashMap<KeyName, _>, KeyError>>()?;
        let outlook = match before {
            Some(before) if before.is_outdated() => Outlook::JustLooked,
            _ => Outlook::MayBeOutdated,
        };
        let platform = self.0.platform.clone();
        Ok(TenantKeys::new(kept.tenant.tenant, keys, sealing, platform, outlook))
    }

    /// Takes messages where few are left. The keys that have none to give, if there are such.
    async fn take(
        &self,
        store: &impl KeyStore,
        kept: &WrappedKeys,
        plan: Plan,
        before: Option<&TenantKeys>,
    ) -> Result<Result<HashMap<Purpose, Arc<Sealing>>, Vec<KeyName>>, KeyError> {
        let mut sealing = HashMap::new();
        let mut asked = Vec::new();
        for (purpose, epoch) in plan.seals {
            let ours = before
                .and_then(|before| before.sealing(purpose))
                .filter(|ours| ours.epoch == epoch);
            match ours {
                Some(ours) if !ours.is_low() => {
                    sealing.insert(purpose, Arc::clone(ours));
                }
                ours => asked.push(Asked {
                    purpose,
                    epoch,
                    messages: self.block(ours),
                }),
            }
        }
        if asked.is_empty() {
            return Ok(Ok(sealing));
        }
        let tenant = kept.tenant.tenant;
        let given = store.reserve(tenant, &asked, self.0.rules.messages).await?;
        let name = |asked: &Asked| (asked.purpose, asked.epoch);
        let refused: Vec<KeyName> = asked.iter().map(name).filter(|name| !given.contains(name)).collect();
        if !refused.is_empty() {
            return Ok(Err(refused));
        }
        for asked in asked {
            let ours = before.and_then(|before| before.sealing(asked.purpose));
            let left = ours
                .filter(|ours| ours.epoch == asked.epoch)
                .map_or(0, |ours| ours.left.swap(0, Ordering::Relaxed));
            let new = Sealing {
                epoch: asked.epoch,
                left: AtomicU64::new(left.saturating_add(asked.messages)),
                block: asked.messages,
            };
            sealing.insert(asked.purpose, Arc::new(new));
        }
        Ok(Ok(sealing))
    }

    /// How many messages to take at once. It grows with the need, so that a process that soon ends wastes little.
    fn block(&self, before: Option<&Arc<Sealing>>) -> u64 {
        let rules = &self.0.rules;
        let wanted = before.map_or(SMALL_BLOCK, |before| before.block.saturating_mul(2));
        wanted.min(rules.block).min(rules.messages / 4).max(1)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(..)")
    }
}

#[cfg(test)]
mod tests;
