//! Dead letters that are to be applied again.
//!
//! Whoever wants it marks the letter (`replay_at`), and the consumer that could not apply it finds the mark: the code that
//! knows how lives there and nowhere else. It holds the letter's row while it applies it and removes the letter in the commit
//! of the effect, so that however many ask and however many processes look, the effect is there once. What fails again
//! stays the same letter, with its new cause and one attempt more.

use std::collections::HashSet;
use std::time::Duration;

use db::{Db, Reason};
use tokio_util::sync::CancellationToken;

use crate::consumer::{apply, newer};
use crate::kafka::REFUSED;
use crate::{Consumer, backoff, park, store};

/// How often a consumer looks whether somebody has asked.
const PERIOD: Duration = Duration::from_secs(1);

/// Applies again what is asked for, until `shutdown`.
pub(crate) async fn replay<C: Consumer>(db: &Db, consumer: &C, shutdown: &CancellationToken) {
    let mut failures = 0;
    loop {
        let round = async {
            let pause = match replay_once(db, consumer).await {
                Ok(found) => {
                    failures = 0;
                    if found { Duration::ZERO } else { PERIOD }
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(consumer = C::NAME, failures, ?error, "dead letters wait");
                    backoff::pause(failures)
                }
            };
            tokio::time::sleep(pause).await;
        };
        // A round that is dropped is rolled back; the letter stays asked for.
        tokio::select! { () = shutdown.cancelled() => return, () = round => {} }
    }
}

/// Applies the letter that has waited longest of those that are asked for, unless somebody else is at it. True if there was
/// one.
pub async fn replay_once<C: Consumer>(db: &Db, consumer: &C) -> Result<bool, fault::Error> {
    let mut tx = db.system(Reason::Consume).await?;
    let Some(letter) = store::letters::claim(&mut tx, C::NAME).await? else {
        return Ok(false);
    };
    let wanted = consumer.wants(&letter.event.kind).then_some(letter.event.tenant);
    let unheld = park::unheld::<Db, C>(db, wanted.into_iter(), &HashSet::new());
    if !unheld.is_empty() {
        drop(tx);
        let away = db.gather_keys(unheld).await?;
        if away.is_empty() {
            return Ok(true);
        }
        let mut tx = db.system(Reason::Consume).await?;
        store::letters::postpone(&mut tx, C::NAME, &letter).await?;
        tx.commit().await?;
        return Err(fault::Error::unavailable("The keys of a letter's tenant are away.", 1));
    }
    let refused = (letter.event.kind == REFUSED).then(|| "there is no event in it that could be applied".to_owned());
    let done = match refused.or_else(|| newer(consumer, &letter.event)) {
        Some(cause) => Err(fault::Error::internal(cause)),
        None => apply(&mut tx, consumer, &letter.event).await,
    };
    let Err(error) = done else {
        store::letters::settle(&mut tx, C::NAME, &letter).await?;
        tx.commit().await?;
        tracing::info!(consumer = C::NAME, event = %letter.event.id, "a dead letter was applied");
        return Ok(true);
    };
    // All that the try did goes with its transaction; what is said of it is said in another.
    drop(tx);
    let mut tx = db.system(Reason::Consume).await?;
    if error.is_temporary() {
        store::letters::postpone(&mut tx, C::NAME, &letter).await?;
        tx.commit().await?;
        return Err(error);
    }
    store::letters::put_back(&mut tx, C::NAME, &letter, &format!("{error:?}")).await?;
    tx.commit().await?;
    tracing::error!(consumer = C::NAME, event = %letter.event.id, ?error, "a dead letter failed again");
    Ok(true)
}
