//! Where a machine goes: a pure function from what is known of the hosts to an order of preference and a record of why.
//!
//! # What it guarantees
//! - **Same snapshot, same answer.** No clock, no chance, no order of rows: hosts are sorted by score, then by alias. A
//!   decision can be replayed from its snapshot, in a test or in an argument.
//! - **The record is fit for the tenant.** It says how many hosts each filter let through and how those that were left
//!   scored, by alias. Hosts' names, other tenants and true capacities are not in it.
//!
//! # What it does not guarantee
//! That the first host of the order still has room. Snapshots are old the moment they are read, and other placers read
//! the same one. Room is claimed in the database by one conditional update (`store::allocations::claim`), and whoever
//! loses goes to the next host of the order. So a wrong snapshot costs a statement, never a host that holds more than it
//! can carry.
//!
//! # Scores
//! A host's load is its dominant share (Ghodsi et al., NSDI 2011): the largest of the three fractions it would have in use
//! with the machine on it. `spread` prefers low loads, `pack` high ones. Machines of one group avoid each other: the score is
//! divided by one more than the group's machines already there, which prefers other hosts and forbids none.

mod filter;

use ids::{HostId, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vm::Size;
use filter::Filter;

/// How hosts are preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The least loaded first: one host's failure takes few machines.
    Spread,
    /// The most loaded first: large machines still find an empty host.
    Pack,
}

impl Policy {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Pack => "pack",
        }
    }

    /// The policy of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Spread, Self::Pack]
            .into_iter()
            .find(|policy| policy.name() == name)
    }
}

/// What is known of a host at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSnapshot {
    /// Its id.
    pub id: HostId,
    /// What tenants call it.
    pub alias: String,
    /// Its pool.
    pub pool: PoolId,
    /// Its pool's policy.
    pub policy: Policy,
    /// An operator lets machines onto it.
    pub up: bool,
    /// It was heard of lately.
    pub heard: bool,
    /// What may be placed on it.
    pub cap: Size,
    /// What is placed on it.
    pub used: Size,
    /// How many machines of the same group are on it.
    pub kin: u32,
}

impl HostSnapshot {
    /// Takes room that was claimed off the snapshot.
    pub fn charge(&mut self, size: Size) {
        self.used = self.with(size);
    }

    fn with(&self, size: Size) -> Size {
        Size {
            vcpus: self.used.vcpus.saturating_add(size.vcpus),
            memory_mib: self.used.memory_mib.saturating_add(size.memory_mib),
            disk_gib: self.used.disk_gib.saturating_add(size.disk_gib),
        }
    }
}

/// What is to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// How large it is.
    pub size: Size,
    /// Only hosts of this pool.
    pub pool: Option<PoolId>,
    /// Instead of each pool's own policy.
    pub policy: Option<Policy>,
}

/// Where to try, in this order, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Hosts that fit, best first.
    pub ranked: Vec<HostId>,
    /// Why.
    pub record: Record,
}

/// Why a machine stands where it stands, or nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// What each filter let through, in the order they were asked.
    pub filters: Vec<Filtered>,
    /// The hosts that were left, best first; at most the first 20.
    pub scores: Vec<Scored>,
    /// The host it was placed on; null when none had room.
    #[schema(example = "host-7f3a")]
    pub chosen: Option<String>,
    /// How many better hosts were full by the time they were asked.
    #[schema(example = 0)]
    pub lost_races: u32,
    /// One sentence, for people.
    #[schema(example = "4 of 6 hosts fit; the best by spread was host-7f3a.")]
    pub reason: String,
}

/// What one filter let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Filtered {
    /// The filter's name.
    #[schema(example = "memory")]
    pub name: String,
    /// Hosts that came to it.
    #[schema(example = 6)]
    pub before: u32,
    /// Hosts it let through.
    #[schema(example = 4)]
    pub after: u32,
}

/// How one host scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scored {
    /// The host's alias.
    #[schema(example = "host-7f3a")]
    pub host: String,
    /// 0 to 10000; higher is better.
    #[schema(example = 8750)]
    pub score: u32,
}

/// The most hosts a record names.
const NAMED: usize = 20;
const WHOLE: i64 = 10_000;

/// Decides.
#[must_use]
pub fn decide(hosts: &[HostSnapshot], need: &Need) -> Decision {
    let mut left: Vec<&HostSnapshot> = hosts.iter().collect();
    let mut filters = Vec::new();
    for filter in Filter::ALL {
        let before = count(&left);
        left.retain(|host| filter.lets_through(host, need));
        filters.push(Filtered {
            name: filter.name().to_owned(),
            before,
            after: count(&left),
        });
    }
    let mut ranked: Vec<_> = left.into_iter().map(|host| (score(host, need), host)).collect();
    ranked.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| first.alias.cmp(&second.alias)));
    let scores = ranked.iter().take(NAMED).map(|(score, host)| Scored {
        host: host.alias.clone(),
        score: *score,
    });
    let record = Record {
        scores: scores.collect(),
        chosen: None,
        lost_races: 0,
        reason: refusal(hosts.len(), &filters),
        filters,
    };
    Decision {
        ranked: ranked.into_iter().map(|(_, host)| host.id).collect(),
        record,
    }
}

impl Record {
    /// The record of a machine that was placed on its `tried`th choice (from 0).
    #[must_use]
    pub fn placed(mut self, tried: usize, alias: &str) -> Self {
        let all = self.filters.first().map_or(0, |filter| filter.before);
        let fit = self.filters.last().map_or(0, |filter| filter.after);
        self.lost_races = u32::try_from(tried).unwrap_or(u32::MAX);
        self.chosen = Some(alias.to_owned());
        self.reason = match tried {
            0 => format!("{fit} of {all} hosts fit; the best was {alias}."),
            _ => format!("{fit} of {all} hosts fit; {tried} better ones filled up meanwhile, so it became {alias}."),
        };
        self
    }

    /// The record of a machine for which every host filled up while it was asked.
    #[must_use]
    pub fn crowded_out(mut self) -> Self {
        let fit = self.filters.last().map_or(0, |filter| filter.after);
        if fit > 0 {
            self.lost_races = fit;
            let all = self.filters.first().map_or(0, |filter| filter.before);
            let lost = format!("{fit} filled up before they could be claimed.");
            self.reason = match self.reason.strip_suffix('.') {
                Some(refused) if fit < all => format!("{refused}, {lost}"),
                _ => format!("Of {all} hosts, {lost}"),
            };
        }
        self
    }
}

fn count(hosts: &[&HostSnapshot]) -> u32 {
    u32::try_from(hosts.len()).unwrap_or(u32::MAX)
}

/// Says which filters left nothing: counts, so that the owner knows whether to ask for less or to wait.
fn refusal(all: usize, filters: &[Filtered]) -> String {
    let removed = filters.iter().filter(|filter| filter.after < filter.before);
    let said: Vec<_> = removed
        .map(|f| format!("{} {}", f.before - f.after, Filter::complaint(&f.name)))
        .collect();
    match (all, said.is_empty()) {
        (0, _) => "There is no host yet.".to_owned(),
        (_, true) => format!("All {all} hosts fit."),
        _ => format!("Of {all} hosts, {}.", said.join(", ")),
    }
}

fn score(host: &HostSnapshot, need: &Need) -> u32 {
    let then = host.with(need.size);
    let share = |used: i32, cap: i32| {
        if cap <= 0 {
            0
        } else {
            i64::from(used) * WHOLE / i64::from(cap)
        }
    };
    let load = share(then.vcpus, host.cap.vcpus)
        .max(share(then.memory_mib, host.cap.memory_mib))
        .max(share(then.disk_gib, host.cap.disk_gib))
        .clamp(0, WHOLE);
    let score = match need.policy.unwrap_or(host.policy) {
        Policy::Spread => WHOLE - load,
        Policy::Pack => load,
    };
    u32::try_from(score).unwrap_or(0) / host.kin.saturating_add(1)
}

#[cfg(test)]
mod tests;
