//! What runs beside the requests.

mod record;

use std::sync::Arc;

use web::Tasks;

use crate::state::Audit;

/// Starts the writer of the log, who tells the feed of events, and who removes from the bus what has been written.
pub fn start(tasks: &Tasks, audit: &Arc<Audit>) {
    let recorder = record::Recorder { kek: audit.kek.clone() };
    tasks.spawn(
        "record",
        events::run(audit.feed.clone(), audit.db.clone(), recorder, tasks.shutdown().clone()),
    );
    tasks.spawn(
        "relay",
        events::relay(audit.feed.clone(), audit.db.clone(), tasks.shutdown().clone()),
    );
    tasks.spawn("sweep", events::sweep(audit.db.clone(), tasks.shutdown().clone()));
}
