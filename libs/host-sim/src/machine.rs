use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use host_api::{
    Action, Actual, ActualPower, Capacity, ConsoleAck, ConsoleBytes, ConsoleChunk, DesiredVm, DomainType, ErrorCode,
    ImageFile, ObservedError, Sha256, Timings, Usage,
};
use host_runtime::{Client, Found, Machine, Step, machine::About};
use ids::{HostId, VmId};
use sha2::Digest as _;
use tokio::{sync::Notify, time::sleep};

use crate::{
    Domain, Knobs,
    fault::{Fate, Faults},
};

pub(crate) struct SimMachine {
    client: Client,
    capacity: Capacity,
    delay: Duration,
    fetch_images: bool,
    faults: Faults,
    changed: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    domains: HashMap<VmId, Domain>,
    boots: u32,
}

impl SimMachine {
    pub(crate) fn new(client: Client, knobs: &Knobs) -> Self {
        Self {
            client,
            capacity: knobs.capacity,
            delay: knobs.delay,
            fetch_images: knobs.fetch_images,
            faults: Faults::new(knobs.seed, knobs.failure, knobs.each_fails_once),
            changed: Arc::new(Notify::new()),
            state: Mutex::default(),
        }
    }

    pub(crate) fn describe(&self) -> About {
        About {
            boot_id: format!("simulated-{}", self.lock().boots),
            capacity: self.capacity,
            domain_type: DomainType::Qemu,
            libvirt_version: "simulated".to_owned(),
            simulated: true,
        }
    }

    pub(crate) fn domains(&self) -> BTreeMap<VmId, Domain> {
        self.lock()
            .domains
            .iter()
            .map(|(vm_id, domain)| (*vm_id, domain.clone()))
            .collect()
    }

    pub(crate) fn allotted(&self) -> Capacity {
        let none = Capacity {
            vcpus: 0,
            memory_mib: 0,
            disk_gib: 0,
        };
        self.lock().domains.values().fold(none, |sum, domain| Capacity {
            vcpus: sum.vcpus + domain.actual.shape.vcpus,
            memory_mib: sum.memory_mib + domain.actual.shape.memory_mib,
            disk_gib: sum.disk_gib + domain.actual.shape.disk_gib,
        })
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults.injected()
    }

    pub(crate) fn heal(&self) {
        self.faults.heal();
    }

    pub(crate) fn power_cut(&self) {
        let mut state = self.lock();
        state.boots += 1;
        for domain in state.domains.values_mut() {
            domain.actual.power = ActualPower::Off;
        }
        self.changed.notify_one();
    }

    pub(crate) fn halt(&self, vm_id: VmId) {
        self.alter(vm_id, |domain| domain.actual.power = ActualPower::OffByGuest);
    }

    pub(crate) fn print(&self, vm_id: VmId, text: &str) {
        self.alter(vm_id, |domain| domain.console.extend_from_slice(text.as_bytes()));
    }

    pub(crate) fn plant(&self, vm_id: VmId, domain: Domain) {
        self.lock().domains.insert(vm_id, domain);
        self.changed.notify_one();
    }

    fn alter(&self, vm_id: VmId, change: impl FnOnce(&mut Domain)) {
        if let Some(domain) = self.lock().domains.get_mut(&vm_id) {
            change(domain);
        }
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes its time, and fails when it is its fate to.
    async fn attempt(
        &self,
        vm_id: VmId,
        step: &'static str,
        code: ErrorCode,
        effect: impl FnOnce(&mut State),
    ) -> Result<(), ObservedError> {
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        let fate = self.faults.fate(vm_id, step);
        if fate != Fate::Fails {
            effect(&mut self.lock());
        }
        if fate == Fate::Fine {
            Ok(())
        } else {
            Err(ObservedError::new(code, format!("simulated: {step} failed")))
        }
    }

    async fn fetch(&self, file: &ImageFile) -> Result<(), ObservedError> {
        let unavailable = |error: &dyn std::fmt::Display| ObservedError::new(ErrorCode::ImageUnavailable, error);
        let mut answer = self.client.image(file).await.map_err(|error| unavailable(&error))?;
        let (mut digest, mut size) = (sha2::Sha256::new(), 0);
        while let Some(part) = answer.chunk().await.map_err(|error| unavailable(&error))? {
            digest.update(&part);
            size += part.len() as u64;
        }
        if size == file.size && Sha256::of_digest(digest.finalize().into()) == file.sha256 {
            Ok(())
        } else {
            Err(ObservedError::new(
                ErrorCode::ImageCorrupt,
                format!("{} is not what its digest says", file.path()),
            ))
        }
    }
}

impl Machine for SimMachine {
    fn belong(&self, _host: HostId) {}

    async fn about(&self) -> Result<About, ObservedError> {
        Ok(self.describe())
    }

    async fn look(&self) -> Result<Vec<Found>, ObservedError> {
        Ok(self
            .lock()
            .domains
            .iter()
            .map(|(vm_id, domain)| found(*vm_id, domain))
            .collect())
    }

    async fn look_at(&self, vm_id: VmId) -> Result<Option<Found>, ObservedError> {
        Ok(self.lock().domains.get(&vm_id).map(|domain| found(vm_id, domain)))
    }

    async fn step(&self, action: Action, vm: &DesiredVm) -> Result<Step, ObservedError> {
        let id = vm.vm_id;
        let on = |change: fn(Actual, &DesiredVm) -> Actual| {
            move |state: &mut State| {
                if let Some(domain) = state.domains.get_mut(&id) {
                    domain.actual = change(domain.actual, vm);
                }
            }
        };
        let mut timings = None;
        match action {
            Action::Define => {
                for file in vm.image.files().filter(|_| self.fetch_images) {
                    self.fetch(file).await?;
                }
                let define = |state: &mut State| {
                    let doubled = state.domains.insert(id, Domain::of(Actual::defined(vm)));
                    debug_assert!(doubled.is_none(), "a VM was doubled");
                };
                self.attempt(id, "define", ErrorCode::DefineFailed, define).await?;
                timings = Some(Timings {
                    define_ms: 1,
                    start_ms: 0,
                });
            }
            Action::Start => {
                let start = |state: &mut State| {
                    if let Some(domain) = state.domains.get_mut(&id) {
                        start(domain, vm);
                    }
                };
                self.attempt(id, "start", ErrorCode::StartFailed, start).await?;
                timings = Some(Timings {
                    define_ms: 0,
                    start_ms: 1,
                });
            }
            Action::Stop => {
                let stop = |now, _: &DesiredVm| Actual {
                    power: ActualPower::OffByGuest,
                    asked: true,
                    ..now
                };
                self.attempt(id, "stop", ErrorCode::StopFailed, on(stop)).await?;
            }
            Action::Resume => {
                let resume = |now, _: &DesiredVm| Actual {
                    power: ActualPower::Running,
                    ..now
                };
                self.attempt(id, "resume", ErrorCode::StartFailed, on(resume)).await?;
            }
            Action::Reshape => {
                let reshape = |now, vm: &DesiredVm| Actual { shape: vm.shape, ..now };
                self.attempt(id, "reshape", ErrorCode::DefineFailed, on(reshape))
                    .await?;
            }
            Action::Record => {
                self.attempt(id, "record", ErrorCode::DefineFailed, on(Actual::recorded))
                    .await?;
            }
            Action::Remove => self.remove(id).await?,
            Action::Nothing | Action::Wait | Action::Refuse(_) => {}
        }
        Ok(Step::Done(timings))
    }

    async fn remove(&self, vm_id: VmId) -> Result<(), ObservedError> {
        let remove = |state: &mut State| drop(state.domains.remove(&vm_id));
        self.attempt(vm_id, "remove", ErrorCode::RemoveFailed, remove).await
    }

    async fn console(&self, ack: &ConsoleAck, most: usize) -> Option<ConsoleChunk> {
        let state = self.lock();
        let log = &state.domains.get(&ack.vm_id)?.console;
        let stream = format!("simulated-{}", ack.vm_id);
        let known = if ack.stream.as_ref() == Some(&stream) {
            usize::try_from(ack.next).ok()?
        } else {
            0
        };
        let from = known.max(log.len().saturating_sub(host_api::CONSOLE_TAIL));
        let bytes = log.get(from..)?;
        let bytes = bytes.get(..most.min(bytes.len()))?;
        (!bytes.is_empty()).then(|| ConsoleChunk {
            stream,
            offset: from as u64,
            bytes: ConsoleBytes::last_of(bytes.to_vec()),
        })
    }

    async fn usage(&self) -> Usage {
        let memory: u64 = self
            .lock()
            .domains
            .values()
            .filter(|one| one.is_running())
            .map(|one| one.actual.shape.memory_mib)
            .sum();
        Usage {
            cpu_percent: 1.0,
            memory_used_mib: memory,
            disk_used_gib: self.allotted().disk_gib,
        }
    }

    fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }
}

fn start(domain: &mut Domain, vm: &DesiredVm) {
    debug_assert!(domain.actual.stop_cause().is_some(), "started twice");
    let now = domain.actual;
    domain.actual = Actual {
        power: ActualPower::Running,
        asked: true,
        reboots: now.reboots.max(vm.reboots),
        ..now
    };
    domain.starts += 1;
    domain.since = Instant::now();
    let greeting = format!("simulated guest: boot {} of {}\r\n", domain.starts, vm.vm_id);
    domain.console.extend_from_slice(greeting.as_bytes());
}

fn found(vm_id: VmId, domain: &Domain) -> Found {
    let (cpu, memory) = if domain.is_running() {
        (
            u64::try_from(domain.since.elapsed().as_nanos()).unwrap_or(u64::MAX) / 100,
            domain.actual.shape.memory_mib,
        )
    } else {
        (0, 0)
    };
    Found {
        vm_id,
        domain: Some(domain.actual),
        cpu_time_ns: cpu,
        memory_mib: memory,
    }
}
