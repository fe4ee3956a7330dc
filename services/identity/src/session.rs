//! Sessions: one sign-in and the family of refresh tokens that descends from it.

use std::net::IpAddr;

use auth::Owed;
use chrono::{DateTime, TimeDelta, Utc};
use ids::{OauthClientId, SessionId, TenantId, UserId};

/// How long the answer to a renewal may be asked for again by whoever asked first.
const RETRY: TimeDelta = TimeDelta::seconds(10);

/// How long sessions live.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Without use.
    pub idle: TimeDelta,
    /// In all.
    pub most: TimeDelta,
}

impl Lifetimes {
    /// When a session that is used at `now` and ends at `ends` expires.
    pub fn expires(&self, now: DateTime<Utc>, ends: DateTime<Utc>) -> DateTime<Utc> {
        (now + self.idle).min(ends)
    }
}

/// A session as it stands.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The OAuth 2.0 client it was given to; none if its person signed in for themself.
    pub client: Option<OauthClientId>,
    /// The encrypted family key.
    pub family_key: Vec<u8>,
    /// SHA-256 of the token that is good.
    pub token_hash: Vec<u8>,
    /// The token before it.
    pub previous: Option<Previous>,
    /// Good until, unless used.
    pub expires_at: DateTime<Utc>,
    /// Good until, however much used.
    pub ends_at: DateTime<Utc>,
    /// It was ended, or its person may not sign in any more.
    pub over: bool,
    /// What must be done before it is good for anything else.
    pub owes: Vec<Owed>,
}

/// A session as its person knows it.
#[derive(Debug, Clone)]
pub struct Device {
    /// Which session.
    pub session: SessionId,
    /// What the client called itself when it was last heard.
    pub agent: String,
    /// How the session was begun, and confirmed since.
    pub methods: Vec<String>,
    /// From where it was begun.
    pub begun_from: Option<String>,
    /// From where it was last heard.
    pub used_from: Option<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was last heard.
    pub used_at: DateTime<Utc>,
    /// When it ends, unless used.
    pub expires_at: DateTime<Utc>,
}

/// A token that was turned in.
#[derive(Debug, Clone)]
pub struct Previous {
    /// Its SHA-256.
    pub hash: Vec<u8>,
    /// When.
    pub at: DateTime<Utc>,
    /// From where.
    pub from: Option<String>,
}

/// What to do about a token of the session's family that is turned in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is the good one: its successor takes its place.
    Rotate,
    /// It was turned in a moment ago from the same place: the answer was lost, give the same one.
    Again,
    /// It had its turn before: somebody has a copy. The family ends.
    Reuse,
    /// The session is over.
    Over,
}

impl Session {
    /// What becomes of a token with this hash. It must be one of the family's.
    pub fn turn_in(&self, hash: &[u8; 32], from: Option<IpAddr>, now: DateTime<Utc>) -> Turn {
        if self.over || self.expires_at <= now {
            return Turn::Over;
        }
        if self.token_hash == hash {
            return Turn::Rotate;
        }
        let lost = self.previous.as_ref().is_some_and(|previous| {
            let same_place = previous.from == from.map(|address| address.to_string());
            previous.hash == hash && same_place && now - previous.at <= RETRY
        });
        if lost { Turn::Again } else { Turn::Reuse }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 9));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// The second token is good; the first was turned in at 100 from home.
    fn session() -> Session {
        Session {
            tenant: TenantId::mint(),
            id: SessionId::mint(),
            user: UserId::mint(),
            client: None,
            family_key: Vec::new(),
            token_hash: vec![2; 32],
            previous: Some(Previous {
                hash: vec![1; 32],
                at: at(100),
                from: Some(HOME.to_string()),
            }),
            expires_at: at(1000),
            ends_at: at(5000),
            over: false,
            owes: Vec::new(),
        }
    }

    #[test]
    fn t15_every_token_has_one_turn_and_a_moment_to_ask_again() {
        let session = session();
        for (hash, from, time, expected) in [
            (2, HOME, 101, Turn::Rotate),
            (2, ELSEWHERE, 500, Turn::Rotate),
            (1, HOME, 110, Turn::Again),
            (1, HOME, 111, Turn::Reuse),
            (1, ELSEWHERE, 101, Turn::Reuse),
            (0, HOME, 101, Turn::Reuse),
            (2, HOME, 1000, Turn::Over),
            (0, HOME, 1000, Turn::Over),
        ] {
            assert_eq!(
                session.turn_in(&[hash; 32], Some(from), at(time)),
                expected,
                "{hash} {from} {time}"
            );
        }
        let over = Session { over: true, ..session };
        assert_eq!(over.turn_in(&[2; 32], Some(HOME), at(101)), Turn::Over);
    }

    #[test]
    fn use_prolongs_a_session_but_not_for_ever() {
        let lifetimes = Lifetimes {
            idle: TimeDelta::seconds(100),
            most: TimeDelta::seconds(1000),
        };
        assert_eq!(lifetimes.expires(at(10), at(1000)), at(110));
        assert_eq!(lifetimes.expires(at(950), at(1000)), at(1000));
    }
}
