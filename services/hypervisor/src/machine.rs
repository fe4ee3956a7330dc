//! A machine with libvirt: how each step is carried out.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use host_api::{
    Action, Actual, ActualPower, Capacity, ConsoleAck, ConsoleChunk, DesiredVm, ErrorCode, ObservedError, Timings,
    Usage,
};
use host_runtime::{Client, Found, Machine, Step, machine::About};
use ids::{HostId, VmId};
use tokio::sync::Notify;
use virt::connect::Connect;

use crate::{
    console,
    disk::Disks,
    domain::{self, Held, Holder},
    host::{self, Gauge, Virtualisation},
    images::Images,
    link::Link,
    mark::Mark,
    xml,
};

/// Memory that the host keeps for itself. MiB.
const RESERVED_MIB: u64 = 512;

/// A guest may be too young to hear the power button: it is pressed again.
const PRESS_AGAIN: Duration = Duration::from_secs(3);

/// libvirt, and the folder for disks, images and logs.
pub struct Libvirt {
    /// Steps are carried out over one connection and looks over another: a slow start must not make the host look dead.
    hands: Link,
    eyes: Link,
    images: Images,
    disks: Disks,
    state: PathBuf,
    virtualisation: Virtualisation,
    host: OnceLock<HostId>,
    /// Guests asked to shut down: since when, and when last.
    stopping: Mutex<HashMap<VmId, (Instant, Instant)>>,
    gauge: Gauge,
    changed: Arc<Notify>,
}

impl Libvirt {
    /// `state` must let QEMU's user pass.
    pub fn new(uri: &str, state: PathBuf, virtualisation: Virtualisation, client: Client) -> io::Result<Self> {
        Ok(Self {
            hands: Link::new(uri),
            eyes: Link::new(uri),
            images: Images::open(state.join("images"), client)?,
            disks: Disks::open(state.join("vms"))?,
            state,
            virtualisation,
            host: OnceLock::new(),
            stopping: Mutex::default(),
            gauge: Gauge::default(),
            changed: Arc::new(Notify::new()),
        })
    }

    fn host(&self) -> Result<HostId, ObservedError> {
        self.host
            .get()
            .copied()
            .ok_or_else(|| ObservedError::new(ErrorCode::Internal, "no host yet"))
    }

    /// Runs a call on a domain of ours.
    async fn on<T: Send + 'static>(
        &self,
        vm: VmId,
        code: ErrorCode,
        call: impl FnOnce(&Held) -> Result<T, virt::error::Error> + Send + 'static,
    ) -> Result<T, ObservedError> {
        let host = self.host()?;
        let held = move |connect: &Connect| match domain::one(connect, host, vm)? {
            Holder::Us(held) => call(&held).map(Some),
            Holder::Nobody | Holder::Stranger => Ok(None),
        };
        let done = self.hands.call(held).await.map_err(|failure| failure.observed(code))?;
        done.ok_or_else(|| ObservedError::new(code, "there is no such domain of ours"))
    }

    async fn define(&self, vm: &DesiredVm) -> Result<Step, ObservedError> {
        let (boot, disk) = self.disks.make(vm, &self.images).await?;
        let mark = self.mark(vm, &Actual::defined(vm))?;
        let define_ms = self.describe(vm, mark, boot, disk).await?;
        Ok(Step::Done(Some(Timings { define_ms, start_ms: 0 })))
    }

    async fn reshape(&self, vm: &DesiredVm) -> Result<Step, ObservedError> {
        let now = self
            .on(vm.vm_id, ErrorCode::DefineFailed, |held| Ok(held.actual))
            .await?;
        if vm.shape.disk_gib > now.shape.disk_gib {
            self.disks.grow(vm, &self.images).await?;
        }
        let (boot, disk) = self.disks.parts(vm, &self.images).await?;
        let mark = self.mark(vm, &Actual { shape: vm.shape, ..now })?;
        let define_ms = self.describe(vm, mark, boot, disk).await?;
        Ok(Step::Done(Some(Timings { define_ms, start_ms: 0 })))
    }

    /// Defines the domain, or defines it anew.
    async fn describe(
        &self,
        vm: &DesiredVm,
        mark: Mark,
        boot: xml::Boot<'_>,
        disk: Option<xml::Disk>,
    ) -> Result<u64, ObservedError> {
        let console = self.disks.console(vm.vm_id);
        let domain_type = self.virtualisation.domain_type;
        let xml = xml::describe(&xml::Domain {
            mark,
            title: &vm.name,
            domain_type,
            boot,
            disk,
            console,
        });
        let took = self.hands.call(move |connect| domain::define(connect, &xml)).await;
        took.map(millis)
            .map_err(|failure| failure.observed(ErrorCode::DefineFailed))
    }

    fn mark(&self, vm: &DesiredVm, actual: &Actual) -> Result<Mark, ObservedError> {
        let Actual {
            epoch,
            generation,
            reboots,
            asked,
            shape,
            power: _,
        } = *actual;
        let (host, halted) = (self.host()?, actual.halted());
        Ok(Mark {
            host,
            vm: vm.vm_id,
            tenant: vm.tenant_id,
            epoch,
            generation,
            reboots,
            asked,
            halted,
            shape,
        })
    }

    async fn start(&self, vm: &DesiredVm) -> Result<Step, ObservedError> {
        lock(&self.stopping).remove(&vm.vm_id);
        let wanted = vm.reboots;
        let start = move |held: &Held| {
            let now = held.actual;
            let asked = Actual {
                asked: true,
                reboots: now.reboots.max(wanted),
                ..now
            };
            domain::write(&held.domain, &held.mark.with(&asked))?;
            domain::start(&held.domain)
        };
        let took = self.on(vm.vm_id, ErrorCode::StartFailed, start).await?;
        Ok(Step::Done(Some(Timings {
            define_ms: 0,
            start_ms: millis(took),
        })))
    }

    /// Presses the power button, and cuts the power when the guest's grace is over. A paused guest hears no button.
    async fn stop(&self, vm: &DesiredVm) -> Result<Step, ObservedError> {
        let now = Instant::now();
        let (cut, press) = {
            let mut stopping = lock(&self.stopping);
            let (since, last) = stopping.entry(vm.vm_id).or_insert((now, now));
            let cut = since.elapsed() >= Duration::from_secs(vm.stop_grace_s.into());
            let press = *since == now || last.elapsed() >= PRESS_AGAIN;
            if press {
                *last = now;
            }
            (cut, press)
        };
        let stop = move |held: &Held| {
            if !held.actual.asked {
                domain::write(
                    &held.domain,
                    &held.mark.with(&Actual {
                        asked: true,
                        ..held.actual
                    }),
                )?;
            }
            if cut || held.actual.power == ActualPower::Paused {
                return domain::cut(&held.domain).map(|()| true);
            }
            if press {
                held.domain.shutdown()?;
            }
            Ok(false)
        };
        let off = self.on(vm.vm_id, ErrorCode::StopFailed, stop).await?;
        if off {
            lock(&self.stopping).remove(&vm.vm_id);
        }
        Ok(if off { Step::Done(None) } else { Step::Underway })
    }

    async fn record(&self, vm: &DesiredVm) -> Result<Step, ObservedError> {
        lock(&self.stopping).remove(&vm.vm_id);
        let wanted = vm.clone();
        let record = move |held: &Held| domain::write(&held.domain, &held.mark.with(&held.actual.recorded(&wanted)));
        self.on(vm.vm_id, ErrorCode::DefineFailed, record).await?;
        Ok(Step::Done(None))
    }
}

impl Machine for Libvirt {
    fn belong(&self, host: HostId) {
        // A session never changes the host: the certificate is the same.
        let _ = self.host.set(host);
    }

    async fn about(&self) -> Result<About, ObservedError> {
        let asked = self
            .hands
            .call(|connect| Ok((connect.node_info()?, connect.lib_version()?)));
        let (node, version) = asked
            .await
            .map_err(|failure| failure.observed(ErrorCode::LibvirtUnavailable))?;
        let broken = |error| ObservedError::new(ErrorCode::Internal, error);
        let (total, _) = host::disk_gib(&self.state).map_err(broken)?;
        Ok(About {
            boot_id: host::boot_id().map_err(broken)?,
            capacity: Capacity {
                vcpus: node.cpus,
                memory_mib: (node.memory / 1024).saturating_sub(RESERVED_MIB),
                disk_gib: total,
            },
            domain_type: self.virtualisation.domain_type,
            libvirt_version: format!("{}.{}.{}", version / 1_000_000, version / 1000 % 1000, version % 1000),
            simulated: false,
        })
    }

    async fn look(&self) -> Result<Vec<Found>, ObservedError> {
        let host = self.host()?;
        let all = self.eyes.call(move |connect| domain::all(connect, host)).await;
        let mut found = all.map_err(|failure| failure.observed(ErrorCode::LibvirtUnavailable))?;
        let files = self
            .disks
            .all()
            .map_err(|error| ObservedError::new(ErrorCode::DiskFailed, error))?;
        for vm_id in files {
            if !found.iter().any(|one| one.vm_id == vm_id) {
                found.push(leftover(vm_id));
            }
        }
        Ok(found)
    }

    async fn look_at(&self, vm_id: VmId) -> Result<Option<Found>, ObservedError> {
        let host = self.host()?;
        let look = move |connect: &Connect| match domain::one(connect, host, vm_id)? {
            Holder::Nobody => Ok(Some(None)),
            Holder::Us(held) => domain::seen(&held).map(|found| Some(Some(found))),
            Holder::Stranger => Ok(None),
        };
        match self
            .hands
            .call(look)
            .await
            .map_err(|failure| failure.observed(ErrorCode::LibvirtUnavailable))?
        {
            Some(Some(found)) => Ok(Some(found)),
            Some(None) => Ok(self.disks.has(vm_id).then(|| leftover(vm_id))),
            None => Err(ObservedError::new(
                ErrorCode::ForeignDomain,
                "a domain with this id has not our mark",
            )),
        }
    }

    async fn step(&self, action: Action, vm: &DesiredVm) -> Result<Step, ObservedError> {
        tracing::info!(vm_id = %vm.vm_id, ?action, "step");
        match action {
            Action::Define => self.define(vm).await,
            Action::Reshape => self.reshape(vm).await,
            Action::Start => self.start(vm).await,
            Action::Resume => {
                let resume = |held: &Held| domain::resume(&held.domain);
                self.on(vm.vm_id, ErrorCode::StartFailed, resume)
                    .await
                    .map(|()| Step::Done(None))
            }
            Action::Stop => self.stop(vm).await,
            Action::Record => self.record(vm).await,
            Action::Remove => self.remove(vm.vm_id).await.map(|()| Step::Done(None)),
            Action::Nothing | Action::Wait | Action::Refuse(_) => Ok(Step::Done(None)),
        }
    }

    /// The definition goes last: while there is anything left, there is a domain that says so, or files do.
    async fn remove(&self, vm_id: VmId) -> Result<(), ObservedError> {
        tracing::info!(%vm_id, "remove");
        lock(&self.stopping).remove(&vm_id);
        let there = self.look_at(vm_id).await?.is_some_and(|found| found.domain.is_some());
        if there {
            self.on(vm_id, ErrorCode::RemoveFailed, |held| domain::cut(&held.domain))
                .await?;
        }
        let disks = self.disks.clone();
        let removed = tokio::task::spawn_blocking(move || disks.remove(vm_id))
            .await
            .map_err(io::Error::other);
        removed
            .flatten()
            .map_err(|error| ObservedError::new(ErrorCode::DiskFailed, error))?;
        if there {
            self.on(vm_id, ErrorCode::RemoveFailed, |held| domain::undefine(&held.domain))
                .await?;
        }
        Ok(())
    }

    async fn console(&self, ack: &ConsoleAck, most: usize) -> Option<ConsoleChunk> {
        let (log, ack) = (self.disks.console(ack.vm_id), ack.clone());
        let read = tokio::task::spawn_blocking(move || console::after(&log, &ack, most))
            .await
            .map_err(io::Error::other);
        match read.flatten() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, "cannot read a console");
                None
            }
        }
    }

    async fn usage(&self) -> Usage {
        self.gauge.read(&self.state)
    }

    fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }
}

fn leftover(vm_id: VmId) -> Found {
    Found {
        vm_id,
        domain: None,
        cpu_time_ns: 0,
        memory_mib: 0,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
