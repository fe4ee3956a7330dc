//! From where people come and by what, as it is kept in `identity.sessions`, `identity.api_keys` and `identity.known_addresses`: sealed
//! for its row.

use std::net::IpAddr;

use crypto::{KeyError, LookupKey, Mark, Normal, Purpose, SealedText, TenantKeys};
use ids::{ApiKeyId, SessionId, TenantId, UserId};

const fn column(table: &'static str, column: &'static str) -> SealedText {
    SealedText::new(Purpose::PersonalData, table, column)
}

const BEGUN_FROM: SealedText = column("identity.sessions", "address_sealed");
const USED_FROM: SealedText = column("identity.sessions", "used_from_sealed");
const AGENT: SealedText = column("identity.sessions", "agent_sealed");
const KEY_USED_FROM: SealedText = column("identity.api_keys", "used_from_sealed");
const KNOWN: SealedText = column("identity.known_addresses", "address_sealed");

/// What is known of a session's client; nothing of what a release before knew.
#[derive(Debug, Default)]
pub struct Heard {
    /// From where the session was begun.
    pub begun_from: Option<String>,
    /// From where it was last heard.
    pub used_from: Option<String>,
    /// What it called itself then.
    pub agent: String,
}

/// The same as it is kept.
#[derive(Debug, sqlx::FromRow)]
pub struct SealedHeard {
    #[sqlx(rename = "address_sealed")]
    begun_from: Option<Vec<u8>>,
    #[sqlx(rename = "used_from_sealed")]
    used_from: Option<Vec<u8>>,
    #[sqlx(rename = "agent_sealed")]
    agent: Option<Vec<u8>>,
}

impl SealedHeard {
    /// What is kept in this session's row.
    pub fn open(&self, keys: &TenantKeys, session: SessionId) -> Result<Heard, KeyError> {
        let row = session.to_string();
        let agent = AGENT.open_some(keys, &row, self.agent.as_deref())?;
        Ok(Heard {
            begun_from: BEGUN_FROM.open_some(keys, &row, self.begun_from.as_deref())?,
            used_from: USED_FROM.open_some(keys, &row, self.used_from.as_deref())?,
            agent: agent.unwrap_or_default(),
        })
    }
}

/// From where a session begins, for its row.
pub fn begun_from(keys: &TenantKeys, session: SessionId, from: Option<IpAddr>) -> Result<Option<Vec<u8>>, KeyError> {
    some(BEGUN_FROM, keys, &session.to_string(), from)
}

/// From where a session is heard, for its row.
pub fn used_from(keys: &TenantKeys, session: SessionId, from: Option<IpAddr>) -> Result<Option<Vec<u8>>, KeyError> {
    some(USED_FROM, keys, &session.to_string(), from)
}

/// What is kept of it.
pub fn heard_from(keys: &TenantKeys, session: SessionId, kept: Option<&[u8]>) -> Result<Option<String>, KeyError> {
    USED_FROM.open_some(keys, &session.to_string(), kept)
}

/// What the client of a session calls itself, for its row.
pub fn agent(keys: &TenantKeys, session: SessionId, agent: &str) -> Result<Option<Vec<u8>>, KeyError> {
    let agent = Some(agent).filter(|agent| !agent.is_empty());
    AGENT.seal_some(keys, &session.to_string(), agent)
}

/// From where an API key is used, for its row.
pub fn key_used_from(keys: &TenantKeys, key: ApiKeyId, from: IpAddr) -> Result<Vec<u8>, KeyError> {
    KEY_USED_FROM.seal(keys, &key.to_string(), &from.to_string())
}

/// What is kept of it.
pub fn key_heard_from(keys: &TenantKeys, key: ApiKeyId, kept: Option<&[u8]>) -> Result<Option<String>, KeyError> {
    KEY_USED_FROM.open_some(keys, &key.to_string(), kept)
}

/// A place of somebody's own: of two people who come from one, the marks differ.
struct Of<'a>(UserId, &'a str);

impl Normal for Of<'_> {
    fn normal(&self) -> Vec<u8> {
        [self.0.as_uuid().as_bytes().as_slice(), self.1.as_bytes()].concat()
    }
}

/// What a place is known again by when somebody signs in from there, before anything is known to be true.
pub fn known_mark(lookup: &LookupKey, (tenant, user): (TenantId, UserId), network: &str) -> Mark {
    lookup.mark_within(tenant, "place", &Of(user, network))
}

/// The place itself, for its row.
pub fn sealed_known(keys: &TenantKeys, user: UserId, mark: Mark, network: &str) -> Result<Vec<u8>, KeyError> {
    KNOWN.seal(keys, &known_row(user, &mark.bytes()), network)
}

/// What is kept of it.
pub fn known(keys: &TenantKeys, user: UserId, mark: &[u8], sealed: &[u8]) -> Result<String, KeyError> {
    KNOWN.open(keys, &known_row(user, mark), sealed)
}

fn known_row(user: UserId, mark: &[u8]) -> String {
    mark.iter()
        .fold(user.to_string(), |row, byte| format!("{row}{byte:02x}"))
}

fn some(column: SealedText, keys: &TenantKeys, row: &str, from: Option<IpAddr>) -> Result<Option<Vec<u8>>, KeyError> {
    let from = from.map(|address| address.to_string());
    column.seal_some(keys, row, from.as_deref())
}

#[cfg(test)]
mod tests {
    use ids::TenantId;

    use super::*;

    #[test]
    fn t20_what_is_kept_of_a_session_opens_in_its_own_row_and_column() {
        let (keys, session) = (TenantKeys::passing(TenantId::mint()), SessionId::mint());
        let from = Some(IpAddr::from([192, 0, 2, 7]));
        let kept = SealedHeard {
            begun_from: begun_from(&keys, session, from).unwrap(),
            used_from: used_from(&keys, session, from).unwrap(),
            agent: agent(&keys, session, "curl/8").unwrap(),
        };
        let heard = kept.open(&keys, session).unwrap();
        let known = (heard.begun_from.as_deref(), heard.used_from.as_deref());
        assert_eq!(known, (Some("192.0.2.7"), Some("192.0.2.7")));
        assert_eq!(heard.agent, "curl/8");
        assert!(kept.open(&keys, SessionId::mint()).is_err());
        let other = SealedHeard {
            used_from: kept.begun_from.clone(),
            ..kept
        };
        assert!(other.open(&keys, session).is_err(), "another column's");
    }

    #[test]
    fn t20_a_place_is_known_again_of_the_same_person_alone() {
        let (lookup, tenant) = (LookupKey::make(), TenantId::mint());
        let (ada, bob) = (UserId::mint(), UserId::mint());
        let mark = known_mark(&lookup, (tenant, ada), "192.0.2.7");
        assert_eq!(mark, known_mark(&lookup, (tenant, ada), "192.0.2.7"));
        for other in [
            known_mark(&lookup, (tenant, bob), "192.0.2.7"),
            known_mark(&lookup, (TenantId::mint(), ada), "192.0.2.7"),
            known_mark(&lookup, (tenant, ada), "192.0.2.8"),
        ] {
            assert_ne!(mark, other);
        }
        let keys = TenantKeys::passing(tenant);
        let sealed = sealed_known(&keys, ada, mark, "192.0.2.7").unwrap();
        assert_eq!(known(&keys, ada, &mark.bytes(), &sealed).as_deref(), Ok("192.0.2.7"));
        assert!(known(&keys, bob, &mark.bytes(), &sealed).is_err());
        assert!(known(&keys, ada, &[0; 16], &sealed).is_err());
    }

    #[test]
    fn what_is_not_known_is_not_kept() {
        let (keys, session) = (TenantKeys::passing(TenantId::mint()), SessionId::mint());
        assert_eq!(used_from(&keys, session, None), Ok(None));
        assert_eq!(agent(&keys, session, ""), Ok(None));
        let nothing = SealedHeard {
            begun_from: None,
            used_from: None,
            agent: None,
        };
        assert_eq!(nothing.open(&keys, session).unwrap().agent, "");
    }
}
