//! One host under test: its control plane, its process, its folder, and what libvirt has of it.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use host_api::{
    BootImage, DesiredPower, DesiredVm, Generation, ImageFile, ObservedPower, ObservedVm, PlacementEpoch, Shape,
};
use host_sim::control::{Control, State};
use ids::{TenantId, VmId};
use virt::{connect::Connect, domain::Domain};

use crate::gateway::Gateway;

/// Emulated guests on a busy machine.
pub const SOON: Duration = Duration::from_secs(90);

pub const TINY: Shape = Shape {
    vcpus: 1,
    memory_mib: 128,
    disk_gib: 0,
};

/// Reads a variable that the test cannot do without.
pub fn need(name: &str, mend: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: {mend}"))
}

pub fn uri() -> String {
    need(
        "YUNSHU_LIBVIRT",
        "export YUNSHU_LIBVIRT=qemu:///system, with virtlogd and libvirtd running",
    )
}

pub struct Place {
    pub control: Control,
    pub gateway: Gateway,
    pub dir: PathBuf,
    pub kernel: ImageFile,
    pub initrd: ImageFile,
    uri: String,
    process: Option<Child>,
}

impl Place {
    pub async fn new() -> Self {
        Self::on(&uri()).await
    }

    pub async fn on(uri: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        assert!(
            root,
            "these tests need root: virtlogd's logs and mount namespaces are its"
        );
        let mend = "./dev makes the guest image";
        let read = |name| fs::read(need(name, mend)).unwrap_or_else(|error| panic!("{name}: {error}: {mend}"));
        let control = Control::start().await;
        let gateway = Gateway::before(&control.url()).await;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = env::temp_dir().join(format!("yunshu-hypervisor-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("ca.pem"), &gateway.ca).unwrap();
        let (kernel, initrd) = (read("YUNSHU_GUEST_KERNEL"), read("YUNSHU_GUEST_INITRD"));
        let (kernel, initrd) = (control.offer(kernel), control.offer(initrd));
        Self {
            control,
            gateway,
            dir,
            kernel,
            initrd,
            uri: uri.to_owned(),
            process: None,
        }
    }

    pub async fn running() -> Self {
        let mut place = Self::new().await;
        place.start();
        place
    }

    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub fn command(&self) -> Command {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_yunshu-hypervisor"));
        command
            .args([
                "--gateway",
                self.gateway.url.as_str(),
                "--libvirt",
                &self.uri,
                "--enrol",
                "one-use",
            ])
            .arg("--ca")
            .arg(self.dir.join("ca.pem"))
            .arg("--state")
            .arg(self.state())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }

    pub fn start(&mut self) {
        self.process = Some(self.command().spawn().unwrap());
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Takes the process out of the test's care.
    pub fn take(&mut self) -> Child {
        self.process.take().unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// Waits for a word in the process's log.
    pub async fn logs(&self, word: &str) {
        let deadline = Instant::now() + SOON;
        while !self.log().contains(word) {
            assert!(Instant::now() < deadline, "{word:?} was never logged");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn vm(&self, words: &str) -> DesiredVm {
        DesiredVm {
            vm_id: VmId::mint(),
            tenant_id: TenantId::mint(),
            name: "guest".to_owned(),
            generation: Generation(1),
            epoch: PlacementEpoch(1),
            power: DesiredPower::Running,
            reboots: 0,
            stop_grace_s: 60,
            shape: TINY,
            image: BootImage::Kernel {
                kernel: self.kernel.clone(),
                initrd: Some(self.initrd.clone()),
                cmdline: format!("console=ttyS0 panic=-1 {words}").trim().to_owned(),
            },
        }
    }

    pub fn want(&self, vms: &[DesiredVm]) {
        self.control.want(vms);
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        self.control.until(what, SOON, holds).await;
    }

    /// Waits until an intent is carried out.
    pub async fn settled(&self, vm: &DesiredVm, power: ObservedPower) -> ObservedVm {
        let done = |seen: &ObservedVm| (seen.generation, seen.power) == (vm.generation, power);
        self.until(&format!("{power:?}"), |state| state.seen(vm.vm_id).is_some_and(done))
            .await;
        self.control.state().seen(vm.vm_id).cloned().unwrap()
    }

    /// Waits for a word on a console, so many times.
    pub async fn prints(&self, vm: &DesiredVm, word: &str, times: usize) {
        let told = |state: &State| {
            let tail = state.consoles.get(&vm.vm_id);
            tail.is_some_and(|tail| String::from_utf8_lossy(&tail.bytes).matches(word).count() >= times)
        };
        self.until(&format!("{word:?} on the console"), told).await;
    }

    pub fn connect(&self) -> Connect {
        Connect::open(Some(&self.uri)).expect("libvirt")
    }

    /// What libvirt has of this host.
    pub fn domains(&self) -> Vec<Domain> {
        let host = self.control.state().host_id.to_string();
        let ours = |domain: &Domain| {
            domain
                .metadata(2, Some("urn:yunshu:domain:1"), 0)
                .is_ok_and(|x| x.contains(&host))
        };
        self.connect()
            .list_all_domains(0)
            .unwrap()
            .into_iter()
            .filter(ours)
            .collect()
    }

    pub fn domain(&self, vm: VmId) -> Domain {
        self.connect()
            .lookup_domain_by_uuid_string(&vm.to_string())
            .expect("a domain")
    }

    /// The files that are left of VMs.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        list(&self.state().join("vms"))
    }
}

pub fn list(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}

pub fn later(vm: &DesiredVm, power: DesiredPower) -> DesiredVm {
    DesiredVm {
        generation: Generation(vm.generation.0 + 1),
        power,
        ..vm.clone()
    }
}

/// Waits for a process without blocking the test's own servers.
pub async fn ended(mut process: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || process.wait().unwrap())
        .await
        .unwrap()
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        for domain in self.domains() {
            let _ = domain.destroy();
            let _ = domain.undefine();
        }
        if std::thread::panicking() {
            eprintln!("the hypervisor's log:\n{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
