//! One reader of the feed, any number of listeners.
//!
//! # What it guarantees
//! One query per commit serves every open stream of the process, however many there are, and nobody holds a transaction
//! while waiting. A stream that joins hears everything behind [`Seat::from`]; what came before it reads from the
//! database itself, under its own tenant's row security. Together they are the whole feed, in order, without a gap.
//!
//! # What it refuses
//! To wait for the slow: each tenant's channel holds [`AHEAD`] events. A stream that is further behind ends, and its
//! client comes back with `Last-Event-ID` to read on from the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::Action;
use auth::action::session;
use bytes::Bytes;
use db::{AuditEvent, AuditOutcome, Db};
use events::{Envelope, Position, Tail};
use fault::Kind;
use ids::TenantId;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::event;

/// Events a stream may be behind.
const AHEAD: usize = 512;

/// What streams are told.
#[derive(Clone)]
pub enum News {
    /// It happened.
    Event(Arc<Told>),
    /// A session ended, named as the audit log names it: its streams end with it.
    Ended(Arc<str>),
    /// Something that may have ended any of them cannot be read: every stream ends, and its client comes back if it may.
    Unread,
}

/// An event, written down once for all who hear of it.
pub struct Told {
    /// What happened.
    pub event: Envelope,
    /// Its frame.
    pub frame: Bytes,
}

/// Where the open streams hear of events.
pub struct Hub {
    most: usize,
    rooms: Mutex<Rooms>,
}

#[derive(Default)]
struct Rooms {
    reached: Option<Position>,
    by_tenant: HashMap<TenantId, Room>,
}

struct Room {
    channel: broadcast::Sender<News>,
    seats: usize,
}

/// A stream's place among its tenant's; gives it back when dropped.
pub struct Seat {
    hub: Arc<Hub>,
    tenant: TenantId,
    /// What happens from now on.
    pub news: broadcast::Receiver<News>,
    /// Everything behind this is told; everything up to it was told before.
    pub from: Position,
}

impl Hub {
    /// A hub at which each tenant may have this many streams.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            rooms: Mutex::default(),
        }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a seat: 429 when the tenant's are all taken, 503 before the feed was reached for the first time.
    pub fn join(self: &Arc<Self>, tenant: TenantId) -> Result<Seat, fault::Error> {
        let mut rooms = self.rooms();
        let unread = || fault::Error::unavailable("The stream of events is not ready yet.", 1);
        let from = rooms.reached.ok_or_else(unread)?;
        let room = rooms.by_tenant.entry(tenant).or_insert_with(|| Room {
            channel: broadcast::Sender::new(AHEAD),
            seats: 0,
        });
        if room.seats >= self.most {
            let detail = format!(
                "Your tenant has {} open streams, which is the most it may have.",
                self.most
            );
            return Err(fault::Error::new(Kind::TooManyRequests, detail).retry_after(5));
        }
        room.seats += 1;
        Ok(Seat {
            hub: self.clone(),
            tenant,
            news: room.channel.subscribe(),
            from,
        })
    }

    fn leave(&self, tenant: TenantId) {
        let mut rooms = self.rooms();
        let Some(room) = rooms.by_tenant.get_mut(&tenant) else {
            return;
        };
        room.seats -= 1;
        if room.seats == 0 {
            rooms.by_tenant.remove(&tenant);
        }
    }

    /// The tenants who listen and of whom there are sealed entries among these events.
    fn sealed(&self, events: &[Envelope]) -> Vec<TenantId> {
        let rooms = self.rooms();
        let entries = events.iter().filter(|event| event.kind == db::AUDIT);
        let mut tenants: Vec<_> = entries.map(|event| event.tenant).collect();
        tenants.retain(|tenant| rooms.by_tenant.contains_key(tenant));
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    /// Tells every room its events. Position and news move under one lock, so that a stream joins before or after an
    /// event, never in between.
    fn tell(&self, events: Vec<Envelope>, reached: Option<Position>, db: &Db) {
        let mut rooms = self.rooms();
        for event in events {
            let Some(room) = rooms.by_tenant.get(&event.tenant) else {
                continue;
            };
            for news in news(event, db) {
                // Without a receiver at this moment there is nobody to tell.
                let _ = room.channel.send(news);
            }
        }
        rooms.reached = reached;
    }
}

#[cfg(test)]
impl Hub {
    pub fn is_reading(&self) -> bool {
        self.rooms().reached.is_some()
    }

    pub fn seats(&self) -> usize {
        self.rooms().by_tenant.values().map(|room| room.seats).sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.tenant);
    }
}

fn news(event: Envelope, db: &Db) -> Vec<News> {
    if event.kind != db::AUDIT {
        let frame = event::frame(&event);
        return vec![News::Event(Arc::new(Told { event, frame }))];
    }
    let of = (event.tenant, event.id);
    match db::opened(db.keyring(), of, event.version, &event.data) {
        Ok(entries) => {
            let ended = entries.into_iter().filter(ends_session);
            ended.map(|entry| News::Ended(entry.object.into())).collect()
        }
        Err(error) => {
            tracing::warn!(tenant = %event.tenant, event = %event.id, ?error, "entries cannot be read: streams end");
            vec![News::Unread]
        }
    }
}

/// Someone signed out, or a session was found stolen: its renewal was refused.
fn ends_session(entry: &AuditEvent) -> bool {
    let done = entry.outcome == AuditOutcome::Success;
    (entry.action == session::Delete::INFO.name && done) || (entry.action == session::Refresh::INFO.name && !done)
}

/// Reads the feed for every open stream until `shutdown`.
pub async fn feed(hub: Arc<Hub>, db: Db, shutdown: CancellationToken) {
    let mut tail = Tail::new(db.clone());
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            events = tail.next() => {
                match db.gather_keys(hub.sealed(&events)).await {
                    Ok(away) if away.is_empty() => {}
                    Ok(away) => tracing::warn!(?away, "no keys for these tenants' entries"),
                    Err(error) => tracing::warn!(%error, "no keys for tenants' entries"),
                }
                hub.tell(events, tail.reached(), &db);
            }
        }
    }
}
