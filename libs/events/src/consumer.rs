use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use db::{Db, Listener, Reason, SystemTx};
use futures::FutureExt;
use ids::{EventId, TenantId};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, Page};
use crate::{Envelope, Position, backoff, park};

/// How often an event is tried before it goes to the dead letters.
pub const ATTEMPTS: u32 = 5;
/// Events per commit.
pub(crate) const BATCH: usize = 500;
/// How long the feed may stay unread when nobody wakes it: commits of other processes ring no bell here.
pub(crate) const ROUND: Duration = Duration::from_millis(250);
/// How soon to look again for what is committed and waits for an older transaction to end.
pub(crate) const HELD: Duration = Duration::from_millis(10);

/// Applies events, in transactions of the database.
pub trait Consumer<T: Send = SystemTx>: Send + Sync + 'static {
    /// Its name in cursor and inbox; never changes.
    const NAME: &'static str;

    /// Does it seal what it writes? Then [`SystemTx::keys`] has the keys of the event's tenant.
    const SEALS: bool = false;

    /// How many events share a commit at most. Fewer where one tells much.
    const AT_ONCE: usize = BATCH;

    /// How long it lets events gather after a commit of less than half of [`Self::AT_ONCE`], so that they share the next: how late it
    /// may be. Where much happens, they come together by themselves.
    const GATHERS: Duration = Duration::ZERO;

    /// Is this kind of event for it?
    fn wants(&self, kind: &str) -> bool;

    /// The newest shape of this kind's data that it understands. What comes in a newer one goes to the dead letters and
    /// waits there for a release that knows it.
    fn knows(&self, _kind: &str) -> u32 {
        1
    }

    /// Applies one event inside the transaction that also marks it done. No network in here.
    ///
    /// An error that passes by itself ([`fault::Error::is_temporary`]) is tried again for as long as it takes; any other,
    /// and a panic, [`ATTEMPTS`] times. Whatever it did is rolled back each time.
    fn apply(&self, tx: &mut T, event: &Envelope) -> impl Future<Output = Result<(), fault::Error>> + Send;

    /// Applies events that share a transaction, in order; whoever can do many for little more than one says how. If it fails
    /// and does not say at which, each of them is applied by itself.
    fn apply_all(&self, tx: &mut T, events: &[&Envelope]) -> impl Future<Output = Result<(), Failed>> + Send {
        in_turn(tx, self, events)
    }
}

/// Why events could not be applied together.
#[derive(Debug)]
pub struct Failed {
    /// The number of the one whose fault it is among them, if that is known.
    pub at: Option<usize>,
    /// What it was.
    pub error: fault::Error,
}

impl From<fault::Error> for Failed {
    fn from(error: fault::Error) -> Self {
        Self { at: None, error }
    }
}

impl From<db::Error> for Failed {
    fn from(error: db::Error) -> Self {
        fault::Error::from(error).into()
    }
}

/// Applies one after the other, and so knows which one fails.
pub(crate) async fn in_turn<T: Send, C: Consumer<T> + ?Sized>(
    tx: &mut T,
    consumer: &C,
    events: &[&Envelope],
) -> Result<(), Failed> {
    for (at, event) in events.iter().enumerate() {
        let applied = guarded(consumer.apply(tx, event)).await;
        applied.map_err(|error| Failed { at: Some(at), error })?;
    }
    Ok(())
}

/// Applies them together. A panic is an error like others.
pub(crate) async fn together<T: Send, C: Consumer<T>>(
    tx: &mut T,
    consumer: &C,
    events: &[&Envelope],
) -> Result<(), Failed> {
    Box::pin(guarded(consumer.apply_all(tx, events))).await
}

/// Reads the outbox for the consumer until `shutdown`; where something else tells it of events, `late` by so much, for
/// what was not told. Several processes may do it for the same consumer; one at a time reads.
pub(crate) async fn read<C: Consumer>(db: &Db, consumer: &C, late: Option<Duration>, shutdown: &CancellationToken) {
    let mut bell = db.wake().listen();
    let mut trouble = Trouble::default();
    while !shutdown.is_cancelled() {
        let round = async {
            let next = match round(db, consumer, late, &mut trouble).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(
                        consumer = C::NAME,
                        failures = trouble.failures,
                        ?error,
                        "the feed is interrupted"
                    );
                    Next::After(backoff::pause(trouble.failures))
                }
            };
            rest(next, &mut bell).await;
        };
        // A round that is dropped is rolled back, and whoever comes next does it again.
        tokio::select! { () = shutdown.cancelled() => {}, () = round => {} }
    }
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more.
    AtOnce,
    /// When it rings, or after this long.
    Within(Duration),
    /// After this long, whoever rings.
    After(Duration),
}

pub(crate) async fn rest(next: Next, bell: &mut Listener) {
    match next {
        Next::AtOnce => {}
        Next::Within(limit) => bell.wait(limit).await,
        Next::After(pause) => tokio::time::sleep(pause).await,
    }
}

/// What a failing event has cost so far, and how it is kept from taking others with it.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Rounds that failed, one after another.
    failures: u32,
    /// The event at which the feed stands.
    event: Option<EventId>,
    attempts: u32,
    /// Why it will not be tried again.
    verdict: Option<String>,
    /// One of several failed: each is applied by itself, so that it shows which.
    singly: bool,
    /// Events up to here are taken in smaller batches: those before the failing one, then that one alone.
    until: Option<Position>,
    batch: Option<usize>,
    /// Tenants whose keys could not be had.
    away: HashSet<TenantId>,
}

impl Trouble {
    fn batch(&self, at_most: usize) -> usize {
        self.batch.unwrap_or(at_most)
    }

    /// Why this event goes to the dead letters, if it does.
    fn verdict(&self, event: EventId) -> Option<&str> {
        self.verdict.as_deref().filter(|_| self.event == Some(event))
    }

    /// May these be applied together?
    fn allows<T: Send, C: Consumer<T>>(&self, consumer: &C, events: &[&Envelope]) -> bool {
        let plain = !self.singly && self.event.is_none() && self.batch.is_none();
        plain && events.len() > 1 && events.iter().all(|event| newer(consumer, event).is_none())
    }

    fn met(&mut self, index: usize, event: &Envelope, error: &fault::Error) {
        self.until = Some(event.position);
        self.batch = Some(index.max(1));
        if error.is_temporary() {
            return;
        }
        if self.event != Some(event.id) {
            self.event = Some(event.id);
            // It has failed in company already.
            self.attempts = self.singly.into();
            self.verdict = None;
        }
        self.attempts += 1;
        if self.attempts >= ATTEMPTS {
            self.verdict = Some(format!("{error:?}"));
        }
    }

    fn passed(&mut self, reached: Position) {
        self.failures = 0;
        self.away.clear();
        if self.until.is_some_and(|until| reached < until) {
            self.batch = Some(1);
        } else {
            *self = Self::default();
        }
    }
}

/// Reads and applies one batch in one commit.
pub async fn round<L: Ledger, C: Consumer<L::Tx>>(
    db: &L,
    consumer: &C,
    late: Option<Duration>,
    trouble: &mut Trouble,
) -> Result<Next, fault::Error> {
    // Until the commit, every way out of here is a failure, a dropped future included.
    let failures = trouble.failures;
    trouble.failures = failures.saturating_add(1);
    let size = trouble.batch(C::AT_ONCE);
    let mut tx = db.begin(Reason::Relay).await?;
    // Read without a lock first: an idle feed costs one look at an index and no transaction id.
    let from = tx.cursor(C::NAME).await?;
    let mut batch = tx.next(from, size).await?;
    if let Some(late) = late {
        let before = tx.now() - late;
        let old = batch.events.iter().take_while(|event| event.time < before).count();
        batch.events.truncate(old);
        if old == 0 {
            trouble.failures = 0;
            return Ok(Next::After(late / 10));
        }
    }
    let Some(last) = batch.events.last() else {
        trouble.failures = 0;
        return Ok(Next::Within(if batch.held { HELD } else { ROUND }));
    };
    let wants = batch.events.iter().filter(|event| consumer.wants(&event.kind));
    let unheld = park::unheld::<L, C>(db, wants.map(|event| event.tenant), &trouble.away);
    if !unheld.is_empty() {
        drop(tx);
        trouble.away.extend(park::prepare::<L, C>(db, unheld).await?);
        trouble.failures = failures;
        return Ok(Next::AtOnce);
    }
    if !tx.take_cursor(C::NAME, from).await? {
        trouble.failures = failures;
        return Ok(Next::Within(HELD));
    }
    let wanted: Vec<&Envelope> = batch
        .events
        .iter()
        .filter(|event| consumer.wants(&event.kind))
        .collect();
    if wanted.is_empty() {
        tx.hurry().await?;
    } else if trouble.allows(consumer, &wanted) {
        if let Err(Failed { error, .. }) = all(&mut tx, consumer, &wanted, &trouble.away).await {
            trouble.singly = true;
            return Err(error);
        }
    } else {
        for (index, event) in batch.events.iter().enumerate() {
            if consumer.wants(&event.kind)
                && let Err(error) = one(&mut tx, consumer, event, trouble).await
            {
                trouble.met(index, event, &error);
                return Err(error);
            }
        }
    }
    tx.move_cursor(C::NAME, last.position).await?;
    tx.commit().await?;
    trouble.passed(last.position);
    Ok(if batch.events.len() == size || batch.held {
        Next::AtOnce
    } else if (1..C::AT_ONCE / 2).contains(&wanted.len()) && !C::GATHERS.is_zero() {
        Next::After(C::GATHERS)
    } else {
        Next::Within(ROUND)
    })
}

/// Several events in one go: those among them that were not applied before.
async fn all<T: Page, C: Consumer<T>>(
    tx: &mut T,
    consumer: &C,
    events: &[&Envelope],
    away: &HashSet<TenantId>,
) -> Result<(), Failed> {
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let new = tx.first_times(C::NAME, &ids).await?;
    let events: Vec<&Envelope> = events.iter().copied().filter(|event| new.contains(&event.id)).collect();
    let events = park::aside::<T, C>(tx, away, events).await?;
    if events.is_empty() {
        return Ok(());
    }
    together(tx, consumer, &events).await
}

async fn one<T: Page, C: Consumer<T>>(
    tx: &mut T,
    consumer: &C,
    event: &Envelope,
    trouble: &Trouble,
) -> Result<(), fault::Error> {
    if !tx.first_time(C::NAME, event.id).await? {
        return Ok(());
    }
    if park::aside::<T, C>(tx, &trouble.away, vec![event]).await?.is_empty() {
        return Ok(());
    }
    let future = newer(consumer, event).map(|cause| (cause, 0));
    let verdict = trouble
        .verdict(event.id)
        .map(|cause| (cause.to_owned(), trouble.attempts));
    if let Some((cause, attempts)) = future.or(verdict) {
        tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
        return Ok(tx.bury(C::NAME, event, &cause, attempts).await?);
    }
    apply(tx, consumer, event).await
}

/// Applies it; a panic is an error like others.
pub(crate) async fn apply<T: Send, C: Consumer<T>>(
    tx: &mut T,
    consumer: &C,
    event: &Envelope,
) -> Result<(), fault::Error> {
    guarded(consumer.apply(tx, event)).await
}

async fn guarded<E: From<fault::Error>>(applied: impl Future<Output = Result<(), E>>) -> Result<(), E> {
    let applied = AssertUnwindSafe(applied).catch_unwind().await;
    applied.unwrap_or_else(|_| Err(fault::Error::internal("the consumer panicked").into()))
}

/// Why the consumer cannot even try: the event is in a shape of a later release.
pub(crate) fn newer<T: Send, C: Consumer<T>>(consumer: &C, event: &Envelope) -> Option<String> {
    let known = consumer.knows(&event.kind);
    (event.version > known).then(|| {
        format!(
            "schema from the future: version {} of {}, and version {known} is the newest this release knows",
            event.version, event.kind
        )
    })
}
