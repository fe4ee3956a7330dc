//! A session from its start to its end.

use std::{sync::Arc, time::Duration};

use host_api::{Desired, DesiredQuery, MAX_WAIT_MS, Session, SessionEpoch, StartSession};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{CallError, Client, Machine, backoff, board::Board, reconcile::Reconciler, report::Reporter};

const FIRST: Duration = Duration::from_millis(500);
/// A long poll that is answered sooner than this, and with nothing new, was no long poll.
const SPIN: Duration = Duration::from_millis(50);
const MOST: Duration = Duration::from_secs(15);

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// A newer process speaks for the host: this one must not start again by itself, or the two would take the host from
    /// each other for ever.
    Zombie,
}

/// Speaks for the host until `stop` or until a newer process does. Each call is one session.
pub async fn run<M: Machine>(client: Client, machine: Arc<M>, stop: CancellationToken) -> Ended {
    let session = tokio::select! {
        () = stop.cancelled() => return Ended::Stopped,
        session = start(&client, machine.as_ref()) => session,
    };
    tracing::info!(epoch = session.epoch.0, host = %session.host_id, "session started");
    machine.belong(session.host_id);

    let over = stop.child_token();
    let board = Arc::new(Board::default());
    let (tell, intent) = watch::channel(None);
    let (disown, orphans) = mpsc::channel(64);
    let reconciler = Reconciler {
        machine: machine.clone(),
        board: board.clone(),
        intent: intent.clone(),
        orphans,
    };
    let reporter = Reporter {
        client: client.clone(),
        machine,
        board,
        intent,
        orphans: disown,
        epoch: session.epoch,
    };

    let ears = async {
        let heard = tokio::select! {
            heard = listen(&client, session.epoch, tell, over.clone()) => heard,
            heard = reporter.run(over.clone()) => heard,
        };
        // From here on no further step is taken.
        over.cancel();
        heard
    };
    let (heard, ()) = tokio::join!(ears, reconciler.run(over.clone()));
    match heard {
        Err(CallError::Zombie) => Ended::Zombie,
        _ => Ended::Stopped,
    }
}

/// Tries until there is a session. Nothing is touched before: without an epoch there is no right to.
async fn start<M: Machine>(client: &Client, machine: &M) -> Session {
    let mut failures = 0;
    loop {
        let error = match machine.about().await {
            Ok(about) => {
                let ask = StartSession {
                    boot_id: about.boot_id,
                    capacity: about.capacity,
                    domain_type: about.domain_type,
                    libvirt_version: about.libvirt_version,
                    agent_version: env!("CARGO_PKG_VERSION").to_owned(),
                    simulated: about.simulated,
                };
                match client.session(&ask).await {
                    Ok(session) => return session,
                    Err(error) => error.to_string(),
                }
            }
            Err(error) => error.detail,
        };
        failures += 1;
        let wait = backoff::after(failures, FIRST, MOST);
        tracing::warn!(error, ?wait, "no session yet");
        sleep(wait).await;
    }
}

/// Long-polls the desired set.
async fn listen(
    client: &Client,
    epoch: SessionEpoch,
    tell: watch::Sender<Option<Arc<Desired>>>,
    over: CancellationToken,
) -> Result<(), CallError> {
    let mut revision = None;
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        let ask = DesiredQuery {
            epoch,
            revision,
            wait_ms: MAX_WAIT_MS,
        };
        let answer = tokio::select! {
            () = over.cancelled() => return Ok(()),
            answer = client.desired(&ask) => answer,
        };
        let pause = match answer {
            Ok(desired) => {
                failures = 0;
                let same = revision.replace(desired.revision) == Some(desired.revision);
                if !same {
                    tell.send_replace(Some(Arc::new(desired)));
                }
                // A server that does not wait must not make us spin.
                if same && asked.elapsed() < SPIN {
                    FIRST
                } else {
                    Duration::ZERO
                }
            }
            Err(CallError::Zombie) => return Err(CallError::Zombie),
            Err(error) => {
                failures += 1;
                let wait = backoff::after(failures, FIRST, MOST);
                tracing::warn!(%error, ?wait, "the desired set is not to be had");
                wait
            }
        };
        tokio::select! {
            () = over.cancelled() => return Ok(()),
            () = sleep(pause) => {}
        }
    }
}
