use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use ids::{EventId, TenantId};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};

use crate::{Envelope, Position};

/// The kind of a letter about a record that names no event: there is nothing in it that could be applied.
pub const REFUSED: &str = "bus.refused";

/// A record as it was read.
#[derive(Debug, Clone)]
pub struct Record {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Vec<u8>,
    /// What it tells; none if it lacks something.
    pub news: Option<News>,
    /// How often applying it has failed.
    pub attempts: u32,
    /// When it is to be tried again.
    pub due: Option<DateTime<Utc>>,
}

/// What a record tells: that there is such an event.
#[derive(Debug, Clone)]
pub struct News {
    pub tenant: TenantId,
    pub event: EventId,
    pub kind: String,
    pub version: u32,
}

impl News {
    pub fn of(event: &Envelope) -> Self {
        Self {
            tenant: event.tenant,
            event: event.id,
            kind: event.kind.clone(),
            version: event.version,
        }
    }

    /// The headers of a record; those of a retry say how often and when.
    pub fn headers(&self, retry: Option<(u32, DateTime<Utc>)>) -> OwnedHeaders {
        let mut all = vec![
            ("tenant", self.tenant.to_string()),
            ("event", self.event.to_string()),
            ("kind", self.kind.clone()),
            ("version", self.version.to_string()),
        ];
        if let Some((attempts, due)) = retry {
            all.push(("attempts", attempts.to_string()));
            all.push(("due", due.timestamp_millis().to_string()));
        }
        all.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        })
    }
}

/// What orders an event among others: they are delivered in order if this is the same.
pub fn key(event: &Envelope) -> String {
    if event.kind == db::AUDIT {
        // A tenant's log is one thing, whatever its entries are about.
        return event.tenant.to_string();
    }
    format!("{}/{}", event.tenant, event.subject)
}

impl Record {
    pub fn of(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            news: news(message),
            attempts: header(message, "attempts").unwrap_or(0),
            due: header(message, "due").and_then(DateTime::from_timestamp_millis),
        }
    }

    /// A letter about this record, which is nobody's: it stands with the platform.
    pub fn refused(&self, now: DateTime<Utc>) -> Envelope {
        let data = serde_json::json!({
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "tenant_id": self.news.as_ref().map(|news| news.tenant),
            "event_id": self.news.as_ref().map(|news| news.event),
            "kind": self.news.as_ref().map(|news| news.kind.clone()),
        });
        Envelope {
            id: self.id(),
            tenant: auth::PLATFORM,
            position: Position::default(),
            kind: REFUSED.to_owned(),
            version: 1,
            subject: format!("{}/{}/{}", self.topic, self.partition, self.offset),
            project: None,
            request: None,
            data,
            time: now,
        }
    }

    /// The same for the same place, however often the record is read.
    fn id(&self) -> EventId {
        let half = |salt: u8| {
            let mut hash = DefaultHasher::new();
            (salt, &self.topic, self.partition, self.offset).hash(&mut hash);
            u128::from(hash.finish())
        };
        EventId::from_uuid(uuid::Uuid::from_u128(half(0) << 64 | half(1)))
    }
}

fn news(message: &BorrowedMessage<'_>) -> Option<News> {
    Some(News {
        tenant: header(message, "tenant")?,
        event: header(message, "event")?,
        kind: header(message, "kind")?,
        version: header(message, "version")?,
    })
}

fn header<T: std::str::FromStr>(message: &BorrowedMessage<'_>, name: &str) -> Option<T> {
    let found = message.headers()?.iter().find(|header| header.key == name)?.value?;
    std::str::from_utf8(found).ok()?.parse().ok()
}
