//! Looks, asks [`host_api::action`], does one step, looks again.
//!
//! One VM never has two steps at once; several VMs do. The intent is read anew before each step, so a set that changes half
//! way is followed from the next step on, and a session that ended takes no further step. A VM that fails is tried again
//! ever more slowly, and at once when its intent changes.

use std::{collections::HashMap, sync::Arc, time::Duration};

use host_api::{Action, Desired, DesiredPower, DesiredVm, ErrorCode, ObservedError, Refusal, Remove, Timings, action};
use ids::VmId;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff,
    board::Board,
    machine::{Found, Machine, Step},
};

/// How often the machine is looked at when nothing rings.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How soon a step under way is looked at again.
const SOON: Duration = Duration::from_millis(250);

/// How many VMs are worked on at once.
const AT_ONCE: usize = 8;

/// How many steps one turn may take; four is the longest way (stop, reshape, start, record).
const STEPS: usize = 8;

/// How long steps under way may go on after the session ended.
const DRAIN: Duration = Duration::from_secs(10);

/// The newest desired set; none before the first.
pub(crate) type Intent = watch::Receiver<Option<Arc<Desired>>>;

pub(crate) struct Reconciler<M> {
    pub(crate) machine: Arc<M>,
    pub(crate) board: Arc<Board>,
    pub(crate) intent: Intent,
    pub(crate) orphans: mpsc::Receiver<Remove>,
}

/// How one turn at a VM ended.
enum Turn {
    Settled,
    Underway,
    Failed(ObservedError),
}

/// The turns under way.
#[derive(Default)]
struct Turns {
    tasks: JoinSet<Turn>,
    whose: HashMap<tokio::task::Id, VmId>,
}

impl Turns {
    fn start(&mut self, vm_id: VmId, turn: impl Future<Output = Turn> + Send + 'static) {
        let task = self.tasks.spawn(turn);
        self.whose.insert(task.id(), vm_id);
    }

    /// The next turn that ends; none when none is under way.
    async fn next(&mut self) -> Option<(VmId, Turn)> {
        let (task, turn) = match self.tasks.join_next_with_id().await? {
            Ok(ended) => ended,
            Err(error) => (error.id(), Turn::Failed(ObservedError::new(ErrorCode::Internal, error))),
        };
        self.whose.remove(&task).map(|vm_id| (vm_id, turn))
    }
}

/// What is remembered of a VM between turns; losing it costs nothing but patience.
#[derive(Default)]
struct Track {
    busy: bool,
    failures: u32,
    not_before: Option<Instant>,
    intent: Option<DesiredVm>,
}

impl<M: Machine> Reconciler<M> {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut tracks: HashMap<VmId, Track> = HashMap::new();
        let mut turns = Turns::default();
        let changed = self.machine.changed();
        let mut blind = 0;

        while !stop.is_cancelled() {
            let next = match self.look_and_start(&mut tracks, &mut turns, &stop).await {
                Ok(next) => {
                    blind = 0;
                    next
                }
                Err(error) => {
                    blind += 1;
                    tracing::warn!(code = ?error.code, detail = error.detail, "cannot look at the machine");
                    Instant::now() + backoff::after(blind, SOON, Duration::from_secs(10))
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.intent.changed() => if changed.is_err() { break },
                () = changed.notified() => {}
                Some(remove) = self.orphans.recv() => self.send_off(remove, &mut tracks, &mut turns, &stop),
                Some((vm_id, turn)) = turns.next() => self.after(vm_id, turn, &mut tracks),
                () = sleep_until(next) => {}
            }
        }

        // A step cut off is a crash, which is survived; letting it end is merely quicker.
        let _ = timeout(DRAIN, async { while turns.next().await.is_some() {} }).await;
    }

    /// Starts a turn at each VM that is not as it should be; answers when to look again.
    async fn look_and_start(
        &mut self,
        tracks: &mut HashMap<VmId, Track>,
        turns: &mut Turns,
        stop: &CancellationToken,
    ) -> Result<Instant, ObservedError> {
        let Some(desired) = self.intent.borrow_and_update().clone() else {
            return Ok(Instant::now() + LOOK_EVERY);
        };
        let found: HashMap<VmId, Found> = self
            .machine
            .look()
            .await?
            .into_iter()
            .map(|one| (one.vm_id, one))
            .collect();
        tracks.retain(|vm_id, track| track.busy || desired.vms.iter().any(|vm| vm.vm_id == *vm_id));

        let now = Instant::now();
        let mut next = now + LOOK_EVERY;
        for vm in &desired.vms {
            let track = tracks.entry(vm.vm_id).or_default();
            if track.busy {
                continue;
            }
            if track.intent.as_ref() != Some(vm) {
                *track = Track {
                    intent: Some(vm.clone()),
                    ..Track::default()
                };
            }
            if step_for(vm, found.get(&vm.vm_id)) == Action::Nothing {
                track.failures = 0;
                self.board.note(vm.vm_id, |note| note.error = None);
            } else if let Some(later) = track.not_before.filter(|later| *later > now) {
                next = next.min(later);
            } else if turns.whose.len() < AT_ONCE {
                track.busy = true;
                self.board.note(vm.vm_id, |note| note.busy = true);
                let (machine, board, intent) = (self.machine.clone(), self.board.clone(), self.intent.clone());
                let (vm_id, stop) = (vm.vm_id, stop.clone());
                turns.start(vm_id, async move {
                    turn(machine.as_ref(), &board, &intent, vm_id, &stop).await
                });
            }
        }
        Ok(next)
    }

    fn after(&self, vm_id: VmId, turn: Turn, tracks: &mut HashMap<VmId, Track>) {
        let track = tracks.entry(vm_id).or_default();
        track.busy = false;
        match turn {
            Turn::Settled => {
                (track.failures, track.not_before) = (0, None);
                self.board.note(vm_id, |note| (note.busy, note.error) = (false, None));
            }
            Turn::Underway => {
                track.not_before = Some(Instant::now() + SOON);
                self.board.note(vm_id, |note| note.busy = false);
            }
            Turn::Failed(error) => {
                track.failures += 1;
                let wait = backoff::after(track.failures, Duration::from_secs(1), Duration::from_mins(1));
                track.not_before = Some(Instant::now() + wait);
                tracing::warn!(%vm_id, code = ?error.code, detail = error.detail, ?wait, "a step failed");
                self.board
                    .note(vm_id, |note| (note.busy, note.error) = (false, Some(error)));
            }
        }
    }

    /// Removes a domain that the control plane disowned by name. What the set still wants is not removed, whoever says so.
    fn send_off(&self, remove: Remove, tracks: &mut HashMap<VmId, Track>, turns: &mut Turns, stop: &CancellationToken) {
        let wanted = |set: &Arc<Desired>| set.vms.iter().any(|vm| vm.vm_id == remove.vm_id);
        let track = tracks.entry(remove.vm_id).or_default();
        if track.busy || stop.is_cancelled() || self.intent.borrow().as_ref().is_none_or(wanted) {
            return;
        }
        track.busy = true;
        let machine = self.machine.clone();
        turns.start(remove.vm_id, async move {
            let gone = async {
                let found = machine.look_at(remove.vm_id).await?;
                if found
                    .and_then(|found| found.domain)
                    .is_some_and(|domain| domain.epoch <= remove.up_to)
                {
                    tracing::info!(vm_id = %remove.vm_id, up_to = remove.up_to.0, "removing a disowned VM");
                    machine.remove(remove.vm_id).await?;
                }
                Ok(())
            };
            gone.await.map_or_else(Turn::Failed, |()| Turn::Settled)
        });
    }
}

/// Takes steps at one VM until there is none to take.
async fn turn<M: Machine>(machine: &M, board: &Board, intent: &Intent, vm_id: VmId, over: &CancellationToken) -> Turn {
    for _ in 0..STEPS {
        let wanted = intent
            .borrow()
            .as_ref()
            .and_then(|set| set.vms.iter().find(|vm| vm.vm_id == vm_id).cloned());
        let Some(vm) = wanted else { return Turn::Settled };
        let found = match machine.look_at(vm_id).await {
            Ok(found) => found,
            Err(error) => return Turn::Failed(error),
        };
        if over.is_cancelled() {
            return Turn::Underway;
        }

        let done = match step_for(&vm, found.as_ref()) {
            Action::Nothing => return Turn::Settled,
            Action::Wait => return Turn::Underway,
            Action::Refuse(refusal) => return Turn::Failed(refused(refusal)),
            Action::Remove => machine.remove(vm_id).await.map(|()| Step::Done(None)),
            step => machine.step(step, &vm).await,
        };

        match done {
            Ok(Step::Done(Some(timings))) => board.note(vm_id, |note| note.timings = Some(add(note.timings, timings))),
            Ok(Step::Done(None)) => board.news.notify_one(),
            Ok(Step::Underway) => return Turn::Underway,
            Err(error) => return Turn::Failed(error),
        }
    }
    Turn::Underway
}

/// [`action`], and the disk or log that is left of a VM that should be gone.
fn step_for(vm: &DesiredVm, found: Option<&Found>) -> Action {
    match action(vm, found.and_then(|found| found.domain.as_ref())) {
        Action::Nothing if vm.power == DesiredPower::Absent && found.is_some() => Action::Remove,
        step => step,
    }
}

fn refused(refusal: Refusal) -> ObservedError {
    let code = match refusal {
        Refusal::StaleEpoch { .. } | Refusal::StaleGeneration { .. } => ErrorCode::StaleIntent,
        Refusal::DiskShrink { .. } => ErrorCode::DiskShrink,
    };
    ObservedError::new(code, refusal)
}

fn add(before: Option<Timings>, more: Timings) -> Timings {
    let before = before.unwrap_or(Timings {
        define_ms: 0,
        start_ms: 0,
    });
    Timings {
        define_ms: before.define_ms + more.define_ms,
        start_ms: before.start_ms + more.start_ms,
    }
}
