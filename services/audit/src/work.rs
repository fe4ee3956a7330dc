//! What runs beside the requests.

pub mod close;
pub mod copy;
pub mod erase;
pub mod grow;
mod record;
pub mod register;
pub mod tell;
pub mod witness;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use futures::FutureExt;
use web::Tasks;

use crate::state::Audit;
use crate::witness::Witness;

/// Starts the writer of the log, who signs for it, who registers what is signed, tells its tenants of it and copies it out of the
/// database, who asks witnesses to cosign it, who erases what is old, who closes addresses that lie open, who tells the feed of
/// events, and who removes from the bus what has been written.
pub fn start(tasks: &Tasks, audit: &Arc<Audit>, copies: Option<copy::Copies>, witnesses: Vec<Witness>) {
    tasks.spawn(
        "record",
        events::run(
            audit.feed.clone(),
            audit.db.clone(),
            record::Recorder,
            tasks.shutdown().clone(),
        ),
    );
    tasks.spawn(
        "relay",
        events::relay(audit.feed.clone(), audit.db.clone(), tasks.shutdown().clone()),
    );
    tasks.spawn("grow", grow::run(Arc::clone(audit), tasks.shutdown().clone()));
    tasks.rounds("register", register::LOOK, audit, |audit| {
        register::round(audit).boxed()
    });
    tasks.rounds("tell", tell::LOOK, audit, |audit| tell::round(audit).boxed());
    if let Some(copies) = copies {
        tasks.spawn("copy", copy::run(Arc::clone(audit), copies, tasks.shutdown().clone()));
    }
    tasks.rounds("erase", erase::LOOK, audit, |audit| erase::round(audit).boxed());
    tasks.rounds("close", close::LOOK, audit, |audit| close::round(audit).boxed());
    for one in witnesses {
        tasks.spawn(
            "witness",
            witness::run(Arc::clone(audit), one, tasks.shutdown().clone()),
        );
    }
    tasks.spawn("sweep", events::sweep(audit.db.clone(), tasks.shutdown().clone()));
    tasks.forget_replies(&audit.db);
}
