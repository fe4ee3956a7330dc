//! What happens later: one reconciler per file.
//!
//! Each is a loop of rounds. A round reads from the database what is to be done and takes no other input; it is run when
//! something was committed in this process and every few seconds in any case, so a wake-up that is lost costs time only.
//! Between two rounds a reconciler remembers nothing: first try, retry and the try after a crash are the same code, and any
//! number of processes may run the same reconciler side by side.

mod finish;
mod give_up;
mod pace;
mod place;
mod point;
mod sweep;
mod tell;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ids::EventId;
use web::Tasks;

pub use finish::Finisher;
pub use give_up::GiverUp;
pub use pace::Pace;
pub use place::Placer;
pub use point::{Point, Stops};
pub use sweep::Sweeper;
pub use tell::Teller;

use crate::state::Compute;

/// Work that is done in rounds.
pub trait Rounds: Send + Sync + 'static {
    /// One round; says how many things it found. Running it twice is running it once.
    fn round(&self) -> impl Future<Output = Result<usize, fault::Error>> + Send;
}

/// When the next round is due.
#[derive(Clone, Copy)]
enum When {
    /// After any commit, and every so often.
    Woken,
    /// Every so often: nothing commits when time merely passes.
    Timed,
    /// Every hour: what costs nothing but disk while it lies.
    Hourly,
}

/// Starts every reconciler of the service.
pub fn start(tasks: &Tasks, compute: &Arc<Compute>) {
    let (db, pace, stops) = (&compute.db, &compute.settings.work, Stops::default());
    for _ in 0..pace.placers {
        let placer = Placer {
            db: db.clone(),
            pace: pace.clone(),
            stops: stops.clone(),
        };
        spawn(tasks, "place", compute, When::Woken, placer);
    }
    let finisher = Finisher {
        db: db.clone(),
        pace: pace.clone(),
        stops: stops.clone(),
    };
    spawn(tasks, "finish", compute, When::Woken, finisher);
    let giver_up = GiverUp {
        db: db.clone(),
        pace: pace.clone(),
        stops: stops.clone(),
    };
    spawn(tasks, "give_up", compute, When::Timed, giver_up);
    let teller = Teller {
        db: db.clone(),
        pace: pace.clone(),
        stops,
        holder: EventId::mint(),
    };
    spawn(tasks, "tell", compute, When::Timed, teller);
    let sweeper = Sweeper {
        db: db.clone(),
        blobs: compute.blobs.clone(),
    };
    spawn(tasks, "sweep", compute, When::Hourly, sweeper);
    tasks.forget_replies(db);
}

fn spawn(tasks: &Tasks, name: &'static str, compute: &Arc<Compute>, when: When, work: impl Rounds) {
    let shutdown = tasks.shutdown().clone();
    let pace = &compute.settings.work;
    let (pause, batch) = (Duration::from_secs_f64(pace.look_every_s), usize::from(pace.batch));
    let mut bell = compute.db.wake().listen();
    tasks.spawn(name, async move {
        while !shutdown.is_cancelled() {
            let (more, calm) = match work.round().await {
                Ok(found) => (found >= batch, false),
                // What failed once fails again at once: no bell starts the next round early.
                Err(error) => {
                    tracing::error!(reconciler = name, ?error, "a round ended early");
                    (false, true)
                }
            };
            let rest = async {
                match when {
                    _ if more => {}
                    When::Woken if !calm => bell.wait(pause).await,
                    When::Woken | When::Timed => tokio::time::sleep(pause).await,
                    When::Hourly => tokio::time::sleep(Duration::from_hours(1)).await,
                }
            };
            tokio::select! { () = rest => {}, () = shutdown.cancelled() => {} }
        }
    });
}
