use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::Rules;
use crate::tenant_keys::KeyName;
use crate::{Purpose, WrappedDataKey, WrappedKeys};

/// Which keys seal, and which have to be made.
pub(super) struct Plan {
    pub seals: Vec<KeyName>,
    pub missing: Vec<KeyName>,
}

impl Plan {
    pub fn of(kept: &WrappedKeys, full: &HashSet<KeyName>, rules: &Rules, now: DateTime<Utc>) -> Self {
        let (mut seals, mut missing) = (Vec::new(), Vec::new());
        for purpose in Purpose::ALL {
            let mut keys: Vec<_> = kept.data.iter().filter(|key| key.purpose == purpose).collect();
            if purpose.is_lasting() {
                missing.extend(keys.is_empty().then_some((purpose, 1)));
                continue;
            }
            keys.sort_unstable_by_key(|key| std::cmp::Reverse(key.epoch));
            let newest = keys.first().map_or(0, |key| key.epoch);
            let age = |key: &WrappedDataKey| now - key.created_at;
            let usable = |key: &&&WrappedDataKey| {
                !full.contains(&(purpose, key.epoch)) && key.messages < rules.messages && age(key) < rules.age
            };
            let known = |key: &&&WrappedDataKey| key.epoch == 1 || age(key) >= rules.announced;
            let seal = keys.iter().filter(usable).find(known);
            let Some(seal) = seal.or_else(|| keys.iter().find(usable)) else {
                missing.push((purpose, newest.saturating_add(1)));
                continue;
            };
            seals.push((purpose, seal.epoch));
            let used = seal.messages >= rules.messages / 4 * 3 || age(seal) >= rules.age - rules.announced * 2;
            if used && seal.epoch == newest {
                missing.push((purpose, newest.saturating_add(1)));
            }
        }
        Self { seals, missing }
    }
}
