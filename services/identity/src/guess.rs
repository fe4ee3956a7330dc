//! How often passwords may be guessed.
//!
//! Three budgets are spent with each attempt and given back with a success: one for the account from this address, one
//! for the address, and a larger one for the account from everywhere. They are leaky buckets (GCRA: one timestamp each) in
//! `PostgreSQL`, so a restart forgives nothing, and they exist for addresses nobody has, so they tell nothing.
//!
//! Nobody is locked out by strangers: a budget fills by itself, so it delays and never locks; guesses that are refused
//! cost nothing, so one attacker exhausts no more than his own pair; and from an address at which the person has signed
//! in before, the budget of the account is not asked at all. What remains open to an attacker with many addresses is to
//! slow down a first sign-in from a new place.

use std::net::IpAddr;

use chrono::TimeDelta;
use crypto::Normal;
use ids::{FactorId, TenantId, UserId};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::person::Email;

/// A bucket's size and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Guesses at once.
    pub burst: u16,
    /// Seconds until one more.
    pub refill_seconds: u32,
}

/// The limits of the three budgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// One account from one address.
    pub pair: Limit,
    /// All accounts from one address.
    pub address: Limit,
    /// One account from all addresses it has not signed in from.
    pub account: Limit,
    /// What a person known by password, or signed in, shows beside it, from one address.
    pub proof: Limit,
}

impl Default for Limits {
    /// 100 per account is NIST 800-63B-4's limit, 3.2.2. At 720 codes a day, three of a million being right, who knows a
    /// password waits for more than a year to guess a code.
    fn default() -> Self {
        Self {
            pair: Limit {
                burst: 10,
                refill_seconds: 10,
            },
            address: Limit {
                burst: 100,
                refill_seconds: 2,
            },
            account: Limit {
                burst: 100,
                refill_seconds: 300,
            },
            proof: Limit {
                burst: 10,
                refill_seconds: 120,
            },
        }
    }
}

/// One budget an attempt spends from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Whose: a hash, since most attempts name people who do not exist. Kept is its mark, for a hash of an address could be
    /// found again by trying.
    pub whose: Whose,
    /// How long one guess takes to come back.
    pub step: TimeDelta,
    /// How much may be spent in advance.
    pub depth: TimeDelta,
}

/// Of whom and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose([u8; 32]);

impl Normal for Whose {
    fn normal(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl Budget {
    fn new(limit: Limit, parts: [&str; 3]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let step = TimeDelta::seconds(i64::from(limit.refill_seconds));
        Self {
            whose: Whose(hash.finalize().into()),
            step,
            depth: step * i32::from(limit.burst),
        }
    }
}

/// The budgets of letters to `email` that are asked for from `network`: a few at once, so that nobody's letter box is
/// filled by strangers.
pub fn letters(limits: &Limits, email: &Email, network: &str) -> Vec<Budget> {
    let few = Limit {
        burst: 3,
        refill_seconds: 600,
    };
    vec![
        Budget::new(few, ["letter", email.as_str(), ""]),
        Budget::new(limits.address, ["letters", network, ""]),
    ]
}

/// A budget of so many in any day: half of them at once, and the other half as it fills.
fn in_a_day(many: u16) -> Limit {
    let half = (many / 2).max(1);
    Limit {
        burst: half,
        refill_seconds: 86_400_u32.div_ceil(u32::from(half)),
    }
}

/// Whose destination a code goes to. Naming one is free to anybody, so what it costs is kept apart from what those spend who
/// have proven that it is theirs: nobody is kept from their own codes by others who name their number.
#[derive(Debug, Clone, Copy)]
pub enum Destination {
    /// Somebody names it who has not proven yet that it is theirs.
    Named,
    /// That of a confirmed factor.
    Proven(FactorId),
}

impl Destination {
    fn budget(self, name: &str, where_to: &str, many: u16) -> Budget {
        match self {
            Self::Named => Budget::new(in_a_day(many), [name, where_to, ""]),
            Self::Proven(factor) => Budget::new(in_a_day(many), [name, "", &factor.to_string()]),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Proven(_) => "proven",
        }
    }
}

/// What a code by mail costs: twenty a day for one account, and for one address whoever names it.
pub fn letters_with_codes(user: UserId, to: Destination, email: &str) -> Vec<Budget> {
    vec![
        Budget::new(in_a_day(20), ["codes by mail", &user.to_string(), ""]),
        to.budget("codes to address", email, 20),
    ]
}

/// What a code by SMS costs: ten a day for one account, ten for one number however many accounts name it, a quarter of all for
/// one tenant, and as many as the operator pays for in all: who earns from the messages that dear numbers are sent ("SMS
/// pumping") makes accounts for nothing. Of all, half is for numbers that are proven.
pub fn messages_with_codes(
    (tenant, user): (TenantId, UserId),
    to: Destination,
    number: &str,
    in_all: u16,
) -> Vec<Budget> {
    let half = in_all / 2;
    vec![
        Budget::new(in_a_day(10), ["codes by SMS", &user.to_string(), ""]),
        to.budget("codes to number", number, 10),
        Budget::new(in_a_day(half / 2), ["codes by SMS of", &tenant.to_string(), to.word()]),
        Budget::new(in_a_day(half), ["codes by SMS", to.word(), "all"]),
    ]
}

/// What passkey sign-ins from one address spend. Of one account nothing is spent: a signature cannot be guessed, so who has
/// a passkey is not kept out by those who guess at their password.
pub fn passkeys(limits: &Limits, network: &str) -> Vec<Budget> {
    vec![Budget::new(limits.address, ["address", network, ""])]
}

/// What questions to devices cost that are asked for from one address: each is a row for minutes.
pub fn questions(limits: &Limits, network: &str) -> Vec<Budget> {
    vec![Budget::new(limits.address, ["questions", network, ""])]
}

/// The budget of questions from `network` for what tenants offer at their door: whoever goes through names learns little by it.
pub fn offers(limits: &Limits, network: &str) -> Vec<Budget> {
    vec![Budget::new(limits.address, ["offers", network, ""])]
}

/// The budget of sign-ins by identity providers that are begun from `network`: each has us ask somebody else.
pub fn external(limits: &Limits, network: &str) -> Vec<Budget> {
    vec![Budget::new(limits.address, ["external", network, ""])]
}

/// The budget of questions to identity providers that somebody who is signed in has us ask.
pub fn provider_questions(whose: &str) -> Vec<Budget> {
    let few = Limit {
        burst: 20,
        refill_seconds: 10,
    };
    vec![Budget::new(few, ["provider", whose, ""])]
}

/// How often a tenant may change who keeps its key: each time key servers are asked, and keys made that stay.
pub fn keeper_changes(tenant: &str) -> Vec<Budget> {
    let few = Limit {
        burst: 20,
        refill_seconds: 300,
    };
    vec![Budget::new(few, ["keeper", tenant, ""])]
}

/// The budgets of an attempt on `email` from `network`, in the order in which they are taken: everybody the same, so that
/// two attempts never wait for each other in a circle.
pub fn budgets(limits: &Limits, email: &Email, network: &str, known: bool) -> Vec<Budget> {
    let mut budgets = vec![
        Budget::new(limits.pair, ["pair", email.as_str(), network]),
        Budget::new(limits.address, ["address", network, ""]),
    ];
    if !known {
        budgets.push(Budget::new(limits.account, ["account", email.as_str(), ""]));
    }
    budgets
}

/// The budgets of what a person shows who is known by password, or signed in: a code, or the password again.
pub fn proof_budgets(limits: &Limits, user: UserId, network: &str, known: bool) -> Vec<Budget> {
    let user = user.to_string();
    let mut budgets = vec![Budget::new(limits.proof, ["proof", &user, network])];
    if !known {
        budgets.push(Budget::new(limits.account, ["proof", &user, ""]));
    }
    budgets
}

/// The budget of proofs of one client that were wrong, from one address.
pub fn client(limits: &Limits, id: &ids::uuid::Uuid, network: &str) -> Budget {
    Budget::new(limits.proof, ["client", &id.to_string(), network])
}

/// The budget of devices that ask from one address.
pub fn devices(limits: &Limits, network: &str) -> Budget {
    Budget::new(limits.address, ["devices", network, ""])
}

/// The budget of devices' codes that somebody types. Eight letters are few: at 30 tries an hour, and ten minutes for each
/// code, nobody comes upon another's in a lifetime.
pub fn user_codes(limits: &Limits, user: UserId) -> Budget {
    Budget::new(limits.proof, ["user code", &user.to_string(), ""])
}

/// What counts as one address: a whole /64 of IPv6, which every customer of a network has.
pub fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(text: &str) -> Email {
        Email::check("", text).unwrap()
    }

    #[test]
    fn a_network_is_one_guesser() {
        let network = |text: &str| network(Some(text.parse().unwrap()));
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }

    #[test]
    fn t12_a_known_place_does_not_share_the_budget_of_strangers() {
        let limits = Limits::default();
        let home = budgets(&limits, &email("ada@example.com"), "192.0.2.1", true);
        let stranger = budgets(&limits, &email("ada@example.com"), "198.51.100.9", false);
        assert!(
            home.iter()
                .all(|budget| stranger.iter().all(|other| other.whose != budget.whose))
        );
    }

    #[test]
    fn a_day_holds_no_more_than_it_may() {
        for many in [2, 10, 20, 1_000, 65_535] {
            let limit = in_a_day(many);
            let refilled = 86_400 / limit.refill_seconds;
            assert!(
                u32::from(limit.burst) + refilled <= u32::from(many),
                "{many}: {limit:?}"
            );
        }
    }

    #[test]
    fn spellings_share_a_budget_and_parts_do_not_run_together() {
        let limits = Limits::default();
        let one = budgets(&limits, &email("ADA@example.com"), "192.0.2.1", false);
        assert_eq!(one, budgets(&limits, &email("ada@example.com"), "192.0.2.1", false));
        assert_ne!(
            Budget::new(limits.pair, ["a", "bc", ""]).whose,
            Budget::new(limits.pair, ["ab", "c", ""]).whose
        );
    }
}
