//! The heartbeat: what is seen, when it changes and every few seconds; the console; the orphans' way out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use host_api::{
    Accepted, Actual, ActualPower, CONSOLE_PER_REPORT, CONSOLE_TAIL, ConsoleAck, Desired, DesiredPower, DesiredVm,
    ErrorCode, Generation, Observed, ObservedError, ObservedPower, ObservedVm, REPORT_EVERY_S, Remove, SessionEpoch,
};
use ids::VmId;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    CallError, Client, backoff,
    board::{Board, Note},
    machine::{Found, Machine},
    reconcile::Intent,
};

/// How often it is looked whether there is something to say.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a look may take: a machine that does not answer must not look like a host that is dead.
const PATIENCE: Duration = Duration::from_secs(4);

/// Changes that come together are told together.
const GATHER: Duration = Duration::from_millis(30);

pub(crate) struct Reporter<M> {
    pub(crate) client: Client,
    pub(crate) machine: Arc<M>,
    pub(crate) board: Arc<Board>,
    pub(crate) intent: Intent,
    pub(crate) orphans: mpsc::Sender<Remove>,
    pub(crate) epoch: SessionEpoch,
}

impl<M: Machine> Reporter<M> {
    /// Until stopped, or until the answer says that a newer session exists.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), CallError> {
        let mut acks = HashMap::new();
        let mut told: Option<(Instant, Vec<ObservedVm>)> = None;
        let mut failures = 0;
        let mut first = 0;

        loop {
            let mut report = self.look().await;
            first += self.consoles(&mut report.vms, &acks, first).await;
            let worth = told.as_ref().is_none_or(|(when, last)| {
                when.elapsed() >= Duration::from_secs(REPORT_EVERY_S) || is_news(last, &report.vms)
            });
            let mut pause = LOOK_EVERY;
            if worth {
                match self.client.observed(&report).await {
                    Ok(accepted) => {
                        failures = 0;
                        self.heed(&report, accepted, &mut acks);
                        told = Some((Instant::now(), report.vms));
                    }
                    Err(CallError::Zombie) => return Err(CallError::Zombie),
                    Err(error) => {
                        failures += 1;
                        told = None;
                        pause = backoff::after(
                            failures,
                            Duration::from_millis(500),
                            Duration::from_secs(REPORT_EVERY_S),
                        );
                        tracing::warn!(%error, ?pause, "the report was not taken");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                // A control plane that is away is not asked more often because more happens.
                () = self.board.news.notified(), if failures == 0 => sleep(GATHER).await,
                () = sleep(pause) => {}
            }
        }
    }

    fn heed(&self, report: &Observed, accepted: Accepted, acks: &mut HashMap<VmId, ConsoleAck>) {
        *acks = accepted.console.into_iter().map(|ack| (ack.vm_id, ack)).collect();
        for vm in &report.vms {
            if let Some(timings) = vm.timings {
                self.board.told(vm.vm_id, timings);
            }
        }
        let named: HashSet<VmId> = report.vms.iter().map(|vm| vm.vm_id).collect();
        for remove in accepted
            .remove
            .into_iter()
            .filter(|remove| named.contains(&remove.vm_id))
        {
            // A full queue loses nothing: the orphan is reported, and named, again.
            let _ = self.orphans.try_send(remove);
        }
    }

    /// Adds what the consoles printed, beginning with the VM after those that were served last: a few guests that never stop
    /// talking must not silence the others. Answers how many were served.
    async fn consoles(&self, vms: &mut [ObservedVm], acks: &HashMap<VmId, ConsoleAck>, first: usize) -> usize {
        let mut room = CONSOLE_PER_REPORT;
        let from = first % vms.len().max(1);
        let (before, after) = vms.split_at_mut(from);
        let mut served = 0;
        for vm in after.iter_mut().chain(before) {
            if room == 0 {
                break;
            }
            served += 1;
            if let Some(ack) = acks.get(&vm.vm_id).filter(|_| vm.power != ObservedPower::Absent) {
                vm.console = self.machine.console(ack, room.min(CONSOLE_TAIL)).await;
                room -= vm
                    .console
                    .as_ref()
                    .map_or(0, |chunk| chunk.bytes.as_slice().len())
                    .min(room);
            }
        }
        served
    }

    async fn look(&self) -> Observed {
        // In this order: a VM that is wanted only after the look must not be called absent by it, and a step that ended
        // before the look must not be missing from the notes.
        let desired = self.intent.borrow().clone();
        let notes = self.board.all();
        let (found, error) = match timeout(PATIENCE, self.machine.look()).await {
            Ok(Ok(found)) => (Some(found), None),
            Ok(Err(error)) => (None, Some(error)),
            Err(_) => {
                let what = format!("no answer in {} s", PATIENCE.as_secs());
                (None, Some(ObservedError::new(ErrorCode::LibvirtUnavailable, what)))
            }
        };

        let vms = see(desired.as_deref(), found, &notes, error.is_some());
        let revision = desired.map(|set| set.revision);
        Observed {
            epoch: self.epoch,
            revision,
            vms,
            usage: self.machine.usage().await,
            error,
        }
    }
}

/// Puts what was found beside what is wanted.
fn see(
    desired: Option<&Desired>,
    found: Option<Vec<Found>>,
    notes: &HashMap<VmId, Note>,
    blind: bool,
) -> Vec<ObservedVm> {
    let mut found: HashMap<VmId, Found> = found.into_iter().flatten().map(|one| (one.vm_id, one)).collect();
    let mut vms = Vec::new();
    for vm in desired.into_iter().flat_map(|set| &set.vms) {
        let note = notes.get(&vm.vm_id);
        vms.push(match found.remove(&vm.vm_id) {
            Some(Found {
                domain: Some(actual),
                cpu_time_ns,
                memory_mib,
                ..
            }) => with(note, domain(vm.vm_id, &actual, cpu_time_ns, memory_mib)),
            Some(_) => with(note, without_domain(vm, ObservedPower::Unknown)),
            // A step that may be under way may be making the domain at this moment.
            None if blind || note.is_some_and(|note| note.busy) => {
                with(note, without_domain(vm, ObservedPower::Unknown))
            }
            None => with(note, without_domain(vm, ObservedPower::Absent)),
        });
    }
    // The rest are orphans: told, and left alone until somebody decides.
    for (vm_id, one) in found {
        if let Some(actual) = one.domain {
            vms.push(with(
                notes.get(&vm_id),
                domain(vm_id, &actual, one.cpu_time_ns, one.memory_mib),
            ));
        }
    }
    vms
}

fn domain(vm_id: VmId, actual: &Actual, cpu_time_ns: u64, memory_mib: u64) -> ObservedVm {
    let power = match actual.power {
        ActualPower::Running => ObservedPower::Running,
        ActualPower::Off | ActualPower::OffByGuest => ObservedPower::Stopped,
        ActualPower::Paused | ActualPower::Busy => ObservedPower::Unknown,
    };
    ObservedVm {
        vm_id,
        generation: actual.generation,
        epoch: actual.epoch,
        power,
        stop_cause: actual.stop_cause(),
        reboots: actual.reboots,
        error: None,
        cpu_time_ns,
        memory_mib,
        console: None,
        timings: None,
    }
}

fn without_domain(vm: &DesiredVm, power: ObservedPower) -> ObservedVm {
    let carried_out = power == ObservedPower::Absent && vm.power == DesiredPower::Absent;
    ObservedVm {
        vm_id: vm.vm_id,
        generation: if carried_out { vm.generation } else { Generation(0) },
        epoch: vm.epoch,
        power,
        stop_cause: None,
        reboots: 0,
        error: None,
        cpu_time_ns: 0,
        memory_mib: 0,
        console: None,
        timings: None,
    }
}

fn with(note: Option<&Note>, mut vm: ObservedVm) -> ObservedVm {
    vm.error = note.and_then(|note| note.error.clone());
    vm.timings = note.and_then(|note| note.timings);
    vm
}

/// Whether somebody waits for it: anything but the counters.
fn is_news(last: &[ObservedVm], now: &[ObservedVm]) -> bool {
    type Said<'a> = (
        VmId,
        Generation,
        i64,
        ObservedPower,
        bool,
        u32,
        Option<&'a ObservedError>,
    );
    fn said(vm: &ObservedVm) -> Said<'_> {
        (
            vm.vm_id,
            vm.generation,
            vm.epoch.0,
            vm.power,
            vm.stop_cause.is_some(),
            vm.reboots,
            vm.error.as_ref(),
        )
    }
    let fresh = now.iter().any(|vm| vm.console.is_some() || vm.timings.is_some());
    let mut before: HashMap<VmId, _> = last.iter().map(|vm| (vm.vm_id, said(vm))).collect();
    fresh || now.iter().any(|vm| before.remove(&vm.vm_id) != Some(said(vm))) || !before.is_empty()
}
