use std::time::Duration;

use db::{Db, Reason, SystemTx};
use fault::Kind;
use ids::EventId;
use tokio_util::sync::CancellationToken;

use crate::{Envelope, Position, store};

/// How often an event is tried before it goes to the dead letters.
pub const ATTEMPTS: i32 = 5;
/// Events per commit.
const BATCH: i64 = 200;
/// How long the feed may stay unread when nobody wakes it: commits of other processes ring no bell here.
const ROUND: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(500);

/// Applies events.
pub trait Consumer: Send + Sync + 'static {
    /// Its name in cursor and inbox; never changes.
    const NAME: &'static str;

    /// Is this kind of event for it?
    fn wants(&self, kind: &str) -> bool;

    /// Applies one event inside the transaction that also marks it done. No network in here.
    fn apply(
        &self,
        tx: &mut SystemTx,
        event: &Envelope,
    ) -> impl Future<Output = Result<(), fault::Error>> + Send;
}

/// What a poison event has cost so far.
#[derive(Default)]
struct Patience {
    event: Option<EventId>,
    attempts: i32,
}

impl Patience {
    fn spent_on(&mut self, event: EventId) -> i32 {
        if self.event != Some(event) {
            *self = Self { event: Some(event), attempts: 0 };
        }
        self.attempts += 1;
        self.attempts
    }
}

/// Feeds the consumer until `shutdown`. Several processes may run the same consumer; one at a time reads.
pub async fn run<C: Consumer>(db: Db, consumer: C, shutdown: CancellationToken) {
    let mut patience = Patience::default();
    while !shutdown.is_cancelled() {
        let pause = match round(&db, &consumer, &mut patience).await {
            Ok(true) => continue,
            Ok(false) => None,
            Err(error) => {
                tracing::warn!(consumer = C::NAME, ?error, "feed interrupted");
                Some(PAUSE)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => db.wake().wait(ROUND).await,
                }
            } => {}
        }
    }
}

/// Reads and applies one batch. True if there may be more.
async fn round<C: Consumer>(db: &Db, consumer: &C, patience: &mut Patience) -> Result<bool, fault::Error> {
    let mut tx = db.system(Reason::Relay).await?;
    let Some(from) = store::take_cursor(&mut tx, C::NAME).await? else { return Ok(false) };
    let events = store::next(&mut tx, from, BATCH).await?;
    let mut reached = from;
    let mut stopped = None;
    for event in &events {
        match one(&mut tx, consumer, event, patience).await {
            Ok(()) => reached = event.position,
            Err(error) => {
                stopped = Some(error);
                break;
            }
        }
    }
    let full = events.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
    if reached != from {
        finish(tx, C::NAME, reached).await?;
    }
    match stopped {
        Some(error) => Err(error),
        None => Ok(full),
    }
}

async fn finish(mut tx: SystemTx, consumer: &str, reached: Position) -> Result<(), fault::Error> {
    store::move_cursor(&mut tx, consumer, reached).await?;
    Ok(tx.commit().await?)
}

async fn one<C: Consumer>(
    tx: &mut SystemTx,
    consumer: &C,
    event: &Envelope,
    patience: &mut Patience,
) -> Result<(), fault::Error> {
    if !consumer.wants(&event.kind) {
        return Ok(());
    }
    store::savepoint(tx).await?;
    if !store::first_time(tx, C::NAME, event.id).await? {
        return Ok(());
    }
    let Err(error) = consumer.apply(tx, event).await else { return Ok(()) };
    store::back_to_savepoint(tx).await?;
    if matches!(error.kind(), Kind::Unavailable) {
        return Err(error);
    }
    let attempts = patience.spent_on(event.id);
    if attempts < ATTEMPTS {
        return Err(error);
    }
    tracing::error!(consumer = C::NAME, event = %event.id, ?error, "event goes to the dead letters");
    store::bury(tx, C::NAME, event, &format!("{error:?}"), attempts).await?;
    Ok(())
}
