//! Entries that share commits.
//!
//! # What it guarantees
//! - While one commit is under way, the entries that come gather; when it is done they go together in the next. There is no
//!   timer: one that comes alone goes at once.
//! - Whoever handed an entry in is told that it is written when the commit that holds it is on the disk, never before. After
//!   an error in a commit nobody knows whether it was, and everybody in it is told that it was not.
//! - What was handed in is written though whoever handed it in goes away meanwhile: a task of its own writes.
//!
//! # What it refuses
//! To let one entry refuse others: rows that the database does not take are halved, and again, until the one that it does
//! not take stands alone. To let many wait for a database that is away: all who wait are told with the first who tried.
//! More than [`MOST_WAITING`].
//!
//! # How they lie
//! Those of one tenant lie together in rows of up to [`MOST_IN_ROW`] and [`ROW_BYTES`], each row sealed as one: what a row costs, from
//! here to the log, they share.
//!
//! # Who writes
//! The system's role, for the rows of one commit are of several tenants. Row security holds a row of a service's own role to
//! the one tenant that a transaction is for; what holds it here is the seal: row and seal get the tenant from the
//! callers who act, the entries open for that tenant and id alone, and nothing a caller sends is part of the statement. A commit
//! for each tenant would leave the platform with as many commits as tenants that are awake.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use crypto::KeyError;
use ids::{RequestId, TenantId};
use sqlx::PgPool;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use crate::outbox::{self, Draft, Row};
use crate::pool::begin;
use crate::sealing::{Plain, Sealer};
use crate::{Error, Reason, Result, Wake};

/// Entries in one commit.
const BATCH: usize = 512;
/// Entries in one row of the bus, at most.
pub const MOST_IN_ROW: usize = 32;
/// Bytes of entries in one row of several.
const ROW_BYTES: usize = 64 * 1024;
/// Entries that wait for one: each is of a request that waits.
const MOST_WAITING: usize = 8 * BATCH;

/// Where entries are handed in. Clones share commits.
#[derive(Clone)]
pub(crate) struct Group(Arc<Inner>);

struct Inner {
    pool: PgPool,
    wake: Wake,
    tasks: TaskTracker,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Is somebody writing, who will look again?
    is_served: bool,
}

struct Waiting {
    one: Recorded,
    told: oneshot::Sender<Result<(), fault::Error>>,
}

/// An entry of what changed nothing.
pub(crate) struct Recorded {
    pub tenant: TenantId,
    pub entry: Plain,
    /// When, and in which request.
    pub written: (DateTime<Utc>, Option<RequestId>),
    pub sealer: Sealer,
}

impl Group {
    /// Commits on the pool of the system's role.
    pub fn new(pool: PgPool, wake: Wake) -> Self {
        Self(Arc::new(Inner {
            pool,
            wake,
            tasks: TaskTracker::new(),
            queue: Mutex::default(),
        }))
    }

    /// Writes an entry, and returns when it is on the disk.
    pub async fn write(&self, one: Recorded) -> Result<(), fault::Error> {
        let (told, answer) = oneshot::channel();
        self.join(Waiting { one, told })?;
        // Whoever wrote is gone with its runtime.
        answer.await.unwrap_or_else(|_| Err(Error::away("the writer ended")))
    }

    fn join(&self, one: Waiting) -> Result<(), fault::Error> {
        let mut queue = self.0.queue();
        if queue.waiting.len() >= MOST_WAITING {
            let detail = "More is to be recorded at the moment than can be written.";
            return Err(fault::Error::unavailable(detail, 1));
        }
        queue.waiting.push_back(one);
        if !std::mem::replace(&mut queue.is_served, true) {
            let writer = Writer {
                of: Arc::clone(&self.0),
                serves: true,
            };
            self.0.tasks.spawn(writer.run());
        }
        Ok(())
    }

    /// Waits until all that was handed in is written.
    pub async fn drain(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

impl Inner {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn commit(&self, batch: Vec<Waiting>) {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let (mut part, rows) = in_rows(part);
            match self.insert(&rows).await {
                Ok(()) => {
                    self.wake.ring();
                    tell(part, || Ok(()));
                }
                Err(Error::Away(error)) => {
                    let behind = std::mem::take(&mut self.queue().waiting);
                    let all = parts.drain(..).flatten().chain(part).chain(behind);
                    tell(all, || Err(Error::away(&error)));
                }
                // To wait as long once more for each half would help nobody.
                Err(Error::Busy(error)) => tell(part, || Err(Error::busy(&error))),
                Err(_) if part.len() > 1 => {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                }
                Err(error) => {
                    if let Some(one) = part.pop() {
                        drop(one.told.send(Err(error.into())));
                    }
                }
            }
        }
    }

    async fn insert(&self, rows: &[Row]) -> Result<()> {
        tracing::trace!(reason = ?Reason::Record, rows = rows.len(), "system transaction");
        let mut tx = begin(&self.pool, "begin").await?;
        outbox::insert(&mut tx, rows).await?;
        Ok(tx.commit().await?)
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Group(..)")
    }
}

/// What waits, and the rows of it. Those whose entries cannot be sealed are told, and wait no more.
fn in_rows(part: Vec<Waiting>) -> (Vec<Waiting>, Vec<Row>) {
    let mut open: HashMap<(TenantId, bool), usize> = HashMap::new();
    let mut lots: Vec<(usize, Vec<Waiting>)> = Vec::new();
    for waiting in part {
        let of = (waiting.one.tenant, waiting.one.sealer.is_platform());
        let bytes = waiting.one.entry.json.len();
        let lot = open.get(&of).and_then(|at| lots.get_mut(*at));
        if let Some((size, lot)) = lot.filter(|(size, lot)| lot.len() < MOST_IN_ROW && size + bytes <= ROW_BYTES) {
            *size += bytes;
            lot.push(waiting);
        } else {
            open.insert(of, lots.len());
            lots.push((bytes, vec![waiting]));
        }
    }
    let (mut sealed, mut rows) = (Vec::new(), Vec::with_capacity(lots.len()));
    for (_, lot) in lots {
        match row(&lot) {
            Ok(row) => {
                rows.extend(row);
                sealed.extend(lot);
            }
            Err(error) => tell(lot, || Err(error.clone().into())),
        }
    }
    (sealed, rows)
}

fn row(lot: &[Waiting]) -> Result<Option<Row>, KeyError> {
    let Some(Waiting { one: first, .. }) = lot.first() else {
        return Ok(None);
    };
    let entries: Vec<&Plain> = lot.iter().map(|waiting| &waiting.one.entry).collect();
    let draft = Draft::audit(&first.sealer, first.tenant, &entries)?;
    Ok(Some(draft.of_tenant(first.tenant, first.written)))
}

/// Those who went away need not be told.
fn tell(all: impl IntoIterator<Item = Waiting>, mut answer: impl FnMut() -> Result<(), fault::Error>) {
    for one in all {
        drop(one.told.send(answer()));
    }
}

/// Serves the queue until nobody waits.
struct Writer {
    of: Arc<Inner>,
    serves: bool,
}

impl Writer {
    async fn run(mut self) {
        while let Some(batch) = self.next() {
            self.of.commit(batch).await;
            // Those who were just told may have the next at hand.
            tokio::task::yield_now().await;
        }
    }

    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.of.queue();
        let count = queue.waiting.len().min(BATCH);
        if count == 0 {
            queue.is_served = false;
            self.serves = false;
            return None;
        }
        Some(queue.waiting.drain(..count).collect())
    }
}

impl Drop for Writer {
    /// One that is dropped at work, with its runtime, leaves the queue to the next, and nobody in it waits for ever.
    fn drop(&mut self) {
        if self.serves {
            let mut queue = self.of.queue();
            queue.is_served = false;
            queue.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crypto::TenantKeys;
    use fault::Kind;
    use futures::FutureExt;
    use ids::EventId;
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    use super::*;

    fn recorded(tenant: TenantId, json: &[u8]) -> Recorded {
        Recorded {
            tenant,
            entry: Plain {
                id: EventId::mint(),
                json: json.to_vec(),
            },
            written: (DateTime::UNIX_EPOCH, None),
            sealer: Sealer::Tenant(TenantKeys::passing(tenant)),
        }
    }

    fn one() -> Recorded {
        recorded(TenantId::mint(), b"{}")
    }

    /// Before a database that is not there.
    fn nowhere() -> Group {
        let to = PgConnectOptions::new_without_pgpass().host("/nonexistent");
        let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(200));
        Group::new(pool.connect_lazy_with(to), Wake::default())
    }

    fn is_away(answer: Result<(), fault::Error>) -> bool {
        answer.is_err_and(|error| error.kind() == Kind::Unavailable && error.is_temporary())
    }

    #[test]
    fn entries_of_one_tenant_lie_together_up_to_so_many_and_so_much() {
        let (few, large) = (TenantId::mint(), TenantId::mint());
        let many = (0..=MOST_IN_ROW).map(|_| recorded(few, b"{}"));
        let heavy = (0..3).map(|_| recorded(large, &vec![b' '; ROW_BYTES / 2]));
        let told = || oneshot::channel().0;
        let part: Vec<_> = many.chain(heavy).map(|one| Waiting { one, told: told() }).collect();
        let all = part.len();
        let (kept, rows) = in_rows(part);
        assert_eq!(kept.len(), all);
        let of = |tenant| rows.iter().filter(|row| row.tenant == tenant).count();
        assert_eq!((of(few), of(large)), (2, 2));
    }

    #[tokio::test]
    async fn while_the_database_is_away_a_bounded_number_waits_and_no_longer_than_the_first() {
        let group = nowhere();
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| Box::pin(group.write(one()))).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none(), "it waits");
        }
        assert!(is_away(group.write(one()).now_or_never().unwrap()), "one more does not");
        let all = futures::future::join_all(waiting);
        let all = tokio::time::timeout(Duration::from_secs(2), all).await;
        // A commit's share each, it would have been eight times as long.
        assert!(all.unwrap().into_iter().all(is_away));
    }

    #[tokio::test]
    async fn whoever_waits_for_a_writer_that_ends_with_its_runtime_is_told_and_the_next_has_another() {
        let group = nowhere();
        let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let waiting = {
            let _entered = other.enter();
            let mut waiting = Box::pin(group.write(one()));
            assert!(waiting.as_mut().now_or_never().is_none());
            waiting
        };
        other.shutdown_background();
        assert!(is_away(waiting.await));
        assert!(is_away(group.write(one()).await), "written by nobody, and told so");
        group.drain().await;
    }
}
