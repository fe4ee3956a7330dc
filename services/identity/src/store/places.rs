//! From where people come and by what, as it is kept in `identity.sessions` and `identity.api_keys`: sealed for its row.

use std::net::IpAddr;

use crypto::{KeyError, Purpose, SealedText, TenantKeys};
use ids::{ApiKeyId, SessionId};

const fn column(table: &'static str, column: &'static str) -> SealedText {
    SealedText::new(Purpose::PersonalData, table, column)
}

const BEGUN_FROM: SealedText = column("identity.sessions", "address_sealed");
const USED_FROM: SealedText = column("identity.sessions", "used_from_sealed");
const AGENT: SealedText = column("identity.sessions", "agent_sealed");
const KEY_USED_FROM: SealedText = column("identity.api_keys", "used_from_sealed");

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
    address_sealed: Option<Vec<u8>>,
    used_from_sealed: Option<Vec<u8>>,
    agent_sealed: Option<Vec<u8>>,
}

impl SealedHeard {
    /// What is kept in this session's row.
    pub fn open(&self, keys: &TenantKeys, session: SessionId) -> Result<Heard, KeyError> {
        let row = session.to_string();
        let agent = AGENT.open_some(keys, &row, self.agent_sealed.as_deref())?;
        Ok(Heard {
            begun_from: BEGUN_FROM.open_some(keys, &row, self.address_sealed.as_deref())?,
            used_from: USED_FROM.open_some(keys, &row, self.used_from_sealed.as_deref())?,
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
            address_sealed: begun_from(&keys, session, from).unwrap(),
            used_from_sealed: used_from(&keys, session, from).unwrap(),
            agent_sealed: agent(&keys, session, "curl/8").unwrap(),
        };
        let heard = kept.open(&keys, session).unwrap();
        let known = (heard.begun_from.as_deref(), heard.used_from.as_deref());
        assert_eq!(known, (Some("192.0.2.7"), Some("192.0.2.7")));
        assert_eq!(heard.agent, "curl/8");
        assert!(kept.open(&keys, SessionId::mint()).is_err());
        let other = SealedHeard {
            used_from_sealed: kept.address_sealed.clone(),
            ..kept
        };
        assert!(other.open(&keys, session).is_err(), "another column's");
    }

    #[test]
    fn what_is_not_known_is_not_kept() {
        let (keys, session) = (TenantKeys::passing(TenantId::mint()), SessionId::mint());
        assert_eq!(used_from(&keys, session, None), Ok(None));
        assert_eq!(agent(&keys, session, ""), Ok(None));
        let nothing = SealedHeard {
            address_sealed: None,
            used_from_sealed: None,
            agent_sealed: None,
        };
        assert_eq!(nothing.open(&keys, session).unwrap().agent, "");
    }
}
