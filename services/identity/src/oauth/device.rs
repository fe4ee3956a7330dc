//! Programs on devices without a browser (RFC 8628): the person comes to us by themself and types what the device shows.

use chrono::{DateTime, TimeDelta, Utc};
use crypto::{Kek, Place, Unreadable};
use ids::OauthClientId;
use ids::uuid::Uuid;
use serde::{Deserialize, Serialize};
use web::Origin;

use super::scope::Scopes;
use crate::once::{self, TokenDigest};

/// How long somebody may take to come and decide.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How long a device waits between two questions, at first.
pub const WAIT_SECONDS: i16 = 5;
/// How much longer each time that it does not (RFC 8628, 3.5).
const MORE_SECONDS: i16 = 5;
const LONGEST_WAIT: i16 = 300;

/// Consonants alone, so that no word comes of them, and none that look like another (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// What a person types: eight consonants, of 25,600,000,000 sets of them.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A new one.
    pub fn make() -> Self {
        let mut code = String::with_capacity(LENGTH);
        while code.len() < LENGTH {
            let [byte] = crypto::random::<1>();
            // 240 is the last multiple of 20 that a byte holds: each letter is as likely as any other.
            if let Some(letter) = LETTERS.get(usize::from(byte % 20)).filter(|_| byte < 240) {
                code.push(char::from(*letter));
            }
        }
        Self(code)
    }

    /// The code, however it was typed: case, hyphens and spaces do not count.
    pub fn typed(text: &str) -> Option<Self> {
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | ' '))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let known = plain.len() == LENGTH && plain.bytes().all(|byte| LETTERS.contains(&byte));
        (text.len() <= 40 && known).then_some(Self(plain))
    }

    /// As it is shown: in two halves.
    pub fn show(&self) -> String {
        let (first, second) = self.0.split_at_checked(LENGTH / 2).unwrap_or((&self.0, ""));
        format!("{first}-{second}")
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        once::digest(&self.0)
    }
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UserCode(..)")
    }
}

/// What somebody has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Pending,
    /// No.
    Denied,
    /// Yes, with the code of this hash.
    Allowed(TokenDigest),
}

/// What whoever decides is shown of a device. It belongs to no tenant before they have, so it is sealed by the platform's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// From where it asked.
    pub address: Option<String>,
    /// What it calls itself.
    pub agent: String,
}

impl Seen {
    /// Of a device that asks from there.
    pub fn of(origin: Origin) -> Self {
        Self {
            address: origin.address.map(|address| address.to_string()),
            agent: origin.user_agent,
        }
    }

    /// As it is kept in the row with this id.
    pub fn seal(&self, kek: &Kek, id: Uuid) -> Result<Vec<u8>, Unreadable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unreadable)?;
        kek.seal(&place(&id.to_string()), &plain)
    }

    /// What is kept there.
    pub fn open(kek: &Kek, id: Uuid, sealed: &[u8]) -> Result<Self, Unreadable> {
        let plain = kek.open_sealed(&place(&id.to_string()), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| Unreadable)
    }
}

fn place(row: &str) -> Place<'_> {
    Place {
        tenant: auth::PLATFORM,
        table: "identity.device_grants",
        column: "seen",
        row,
    }
}

/// What a device asks for.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Its row.
    pub id: Uuid,
    /// The client.
    pub client: OauthClientId,
    /// For what.
    pub scopes: Scopes,
    /// What was decided.
    pub decision: Decision,
    /// How long it must wait between two questions.
    pub wait_seconds: i16,
    /// When it asked last.
    pub asked_at: Option<DateTime<Utc>>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What a device is told that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Its time is over.
    Expired,
    /// It asks too often, and must wait so long from now on.
    SlowDown(i16),
    /// Nobody has decided.
    Pending,
    /// Somebody said no.
    Denied,
    /// Somebody said yes.
    Allowed(TokenDigest),
}

impl Asking {
    /// What it is told at `now`. A second of grace: networks are not even.
    pub fn told(&self, now: DateTime<Utc>) -> Told {
        if self.expires_at <= now {
            return Told::Expired;
        }
        let wait = TimeDelta::seconds(i64::from(self.wait_seconds)) - TimeDelta::seconds(1);
        if self.asked_at.is_some_and(|at| now - at < wait) {
            return Told::SlowDown((self.wait_seconds + MORE_SECONDS).min(LONGEST_WAIT));
        }
        match self.decision {
            Decision::Pending => Told::Pending,
            Decision::Denied => Told::Denied,
            Decision::Allowed(code) => Told::Allowed(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        let code = UserCode::make();
        let shown = code.show();
        assert_eq!(shown.len(), 9);
        for way in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            shown.replace('-', " "),
        ] {
            assert_eq!(UserCode::typed(&way), Some(code.clone()), "{way}");
        }
        for bad in ["", "ABCD-EFGH", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GH1K", "ＢＣＤＦ-GHJK"] {
            assert!(UserCode::typed(bad).is_none(), "{bad}");
        }
        assert!(!format!("{code:?}").contains(&shown[..4]));
    }

    #[test]
    fn every_letter_is_used() {
        let all: String = (0..200).map(|_| UserCode::make().0).collect();
        assert!(LETTERS.iter().all(|letter| all.contains(char::from(*letter))));
    }

    #[test]
    fn t20_what_is_seen_of_a_device_opens_in_its_own_row() {
        let (kek, id) = (Kek::new(crypto::random()), store_id());
        let seen = Seen {
            address: Some("192.0.2.7".to_owned()),
            agent: "canary/1".to_owned(),
        };
        let sealed = seen.seal(&kek, id).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"canary"));
        assert_eq!(Seen::open(&kek, id, &sealed), Ok(seen));
        assert!(Seen::open(&kek, store_id(), &sealed).is_err());
    }

    fn store_id() -> Uuid {
        ids::EventId::mint().as_uuid()
    }

    #[test]
    fn whoever_asks_too_often_waits_longer_each_time() {
        let at = |seconds: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let asking = Asking {
            id: Uuid::nil(),
            client: crate::oauth::CLI,
            scopes: Scopes::everything(),
            decision: Decision::Pending,
            wait_seconds: 5,
            asked_at: Some(at(100)),
            created_at: at(0),
            expires_at: at(600),
        };
        assert_eq!(asking.told(at(103)), Told::SlowDown(10));
        assert_eq!(asking.told(at(104)), Told::Pending);
        let slow = Asking {
            wait_seconds: 10,
            ..asking.clone()
        };
        assert_eq!(slow.told(at(105)), Told::SlowDown(15));
        let first = Asking {
            asked_at: None,
            decision: Decision::Denied,
            ..asking.clone()
        };
        assert_eq!(first.told(at(0)), Told::Denied);
        assert_eq!(asking.told(at(600)), Told::Expired);
    }
}
