//! A simulated host against a control plane that only pretends: the protocol, end to end, over HTTP.

#![allow(clippy::expect_used, reason = "helpers of tests")]

use std::{sync::Arc, time::Duration};

use host_api::{
    BootImage, DesiredPower, DesiredVm, ErrorCode, Generation, ObservedPower, PlacementEpoch, Shape, StopCause,
};
use host_sim::{Domain, Ended, Knobs, SimHost, control::Control};
use ids::{HostId, TenantId, VmId};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(30);
const SMALL: Shape = Shape {
    vcpus: 1,
    memory_mib: 512,
    disk_gib: 1,
};

struct Running {
    host: Arc<SimHost>,
    stop: CancellationToken,
    task: JoinSet<Ended>,
}

impl Running {
    async fn start(control: &Control, knobs: Knobs) -> Self {
        let _ = rustls_provider();
        let host = SimHost::enrol(control.url(), "one-use", knobs).await.expect("enrolled");
        let mut started = Self {
            host: Arc::new(host),
            stop: CancellationToken::new(),
            task: JoinSet::new(),
        };
        started.run();
        started
    }

    fn run(&mut self) {
        let (host, stop) = (self.host.clone(), self.stop.clone());
        self.task.spawn(async move { host.run(stop).await });
    }

    /// kill -9, and a new process.
    async fn crash_and_restart(&mut self) {
        self.task.shutdown().await;
        self.run();
    }

    async fn stop(mut self) -> Ended {
        self.stop.cancel();
        self.task.join_next().await.expect("a task").expect("no panic")
    }
}

fn rustls_provider() -> Result<(), Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}

fn a_vm(control: &Control) -> DesiredVm {
    DesiredVm {
        vm_id: VmId::mint(),
        tenant_id: TenantId::mint(),
        name: "web-1".to_owned(),
        generation: Generation(1),
        epoch: PlacementEpoch(1),
        power: DesiredPower::Running,
        reboots: 0,
        stop_grace_s: 0,
        shape: SMALL,
        image: BootImage::Disk {
            disk: control.offer(b"an image".to_vec()),
        },
    }
}

fn later(vm: &DesiredVm, power: DesiredPower) -> DesiredVm {
    DesiredVm {
        generation: Generation(vm.generation.0 + 1),
        power,
        ..vm.clone()
    }
}

async fn settled(control: &Control, vm: &DesiredVm, power: ObservedPower) {
    let done = |seen: &host_api::ObservedVm| (seen.generation, seen.power) == (vm.generation, power);
    control
        .until(&format!("{power:?}"), SOON, |state| {
            state.seen(vm.vm_id).is_some_and(done)
        })
        .await;
}

#[tokio::test]
async fn a_vm_lives_its_life() {
    let control = Control::start().await;
    let running = Running::start(
        &control,
        Knobs {
            fetch_images: true,
            ..Knobs::default()
        },
    )
    .await;
    let vm = a_vm(&control);

    control.want(std::slice::from_ref(&vm));
    settled(&control, &vm, ObservedPower::Running).await;
    control
        .until("its greeting", SOON, |state| {
            state
                .consoles
                .get(&vm.vm_id)
                .is_some_and(|tail| tail.bytes.starts_with(b"simulated guest: boot 1 of "))
        })
        .await;

    let rebooted = DesiredVm {
        reboots: 3,
        ..later(&vm, DesiredPower::Running)
    };
    control.want(std::slice::from_ref(&rebooted));
    settled(&control, &rebooted, ObservedPower::Running).await;
    assert_eq!(
        running.host.domains()[&vm.vm_id].starts,
        2,
        "three reboots behind are one"
    );

    let off = later(&rebooted, DesiredPower::Stopped);
    control.want(std::slice::from_ref(&off));
    settled(&control, &off, ObservedPower::Stopped).await;

    let gone = later(&off, DesiredPower::Absent);
    control.want(std::slice::from_ref(&gone));
    settled(&control, &gone, ObservedPower::Absent).await;
    assert!(running.host.domains().is_empty());
    assert!(control.state().sessions[0].simulated);
    assert!(control.state().enrolled[0].simulated);
    assert_eq!(running.stop().await, Ended::Stopped);
}

#[tokio::test]
async fn t31_crashes_at_any_moment_lose_and_double_nothing() {
    let control = Control::start().await;
    let delay = Duration::from_millis(7);
    let mut running = Running::start(
        &control,
        Knobs {
            delay,
            each_fails_once: true,
            ..Knobs::default()
        },
    )
    .await;
    let vms: Vec<DesiredVm> = (0..6).map(|_| a_vm(&control)).collect();
    control.want(&vms);
    for _ in 0..10 {
        let reports = control.state().reports;
        control.until("a report", SOON, |state| state.reports > reports).await;
        running.crash_and_restart().await;
    }
    for vm in &vms {
        settled(&control, vm, ObservedPower::Running).await;
    }
    assert_eq!(running.host.domains().len(), vms.len());
    assert!(running.host.faults() > 0, "no fault was injected");
    assert_eq!(control.state().epoch.0, 11, "one session per start");
}

#[tokio::test]
async fn a_failing_host_says_so_and_gets_there() {
    let control = Control::start().await;
    let running = Running::start(
        &control,
        Knobs {
            failure: 1.0,
            ..Knobs::default()
        },
    )
    .await;
    let vm = a_vm(&control);
    control.want(std::slice::from_ref(&vm));
    control
        .until("an error", SOON, |state| {
            state
                .seen(vm.vm_id)
                .and_then(|seen| seen.error.as_ref())
                .is_some_and(|error| error.code == ErrorCode::DefineFailed || error.code == ErrorCode::StartFailed)
        })
        .await;
    running.host.heal();
    settled(&control, &vm, ObservedPower::Running).await;
    control
        .until("no error", SOON, |state| {
            state.seen(vm.vm_id).is_some_and(|seen| seen.error.is_none())
        })
        .await;
}

#[tokio::test]
async fn t37_the_older_process_stops_for_good() {
    let control = Control::start().await;
    let mut running = Running::start(&control, Knobs::default()).await;
    control.until("a report", SOON, |state| state.reports > 0).await;
    running.run();
    let first = running.task.join_next().await.expect("a task").expect("no panic");
    assert_eq!(first, Ended::Zombie);
    let epoch = control.state().epoch;
    let reports = control.state().reports;
    control
        .until("the newer one goes on", SOON, |state| state.reports > reports + 1)
        .await;
    assert_eq!(control.state().epoch, epoch);
}

#[tokio::test]
async fn silence_destroys_nothing_and_a_word_does() {
    let control = Control::start().await;
    let running = Running::start(&control, Knobs::default()).await;
    let (kept, lost) = (a_vm(&control), VmId::mint());
    running
        .host
        .plant(lost, Domain::running(PlacementEpoch(2), Generation(5), SMALL));
    control.want(std::slice::from_ref(&kept));
    settled(&control, &kept, ObservedPower::Running).await;
    let orphan = |state: &host_sim::control::State| state.seen(lost).map(|seen| (seen.power, seen.epoch));
    control
        .until("the orphan", SOON, |state| {
            orphan(state) == Some((ObservedPower::Running, PlacementEpoch(2)))
        })
        .await;

    control.state().disowned.insert(lost, PlacementEpoch(1));
    let reports = control.state().reports;
    control
        .until("two more reports", SOON, |state| state.reports > reports + 1)
        .await;
    assert!(
        running.host.domains().contains_key(&lost),
        "its placement is newer than the word"
    );

    control.state().disowned.insert(lost, PlacementEpoch(2));
    control
        .until("it is gone", SOON, |state| state.seen(lost).is_none())
        .await;
    assert_eq!(running.host.domains().keys().copied().collect::<Vec<_>>(), [kept.vm_id]);

    control.state().disowned.insert(kept.vm_id, PlacementEpoch(9));
    let reports = control.state().reports;
    control
        .until("two more reports", SOON, |state| state.reports > reports + 1)
        .await;
    assert!(
        running.host.domains().contains_key(&kept.vm_id),
        "what the set wants stays"
    );
}

#[tokio::test]
async fn a_power_cut_is_mended_and_a_halt_is_respected() {
    let control = Control::start().await;
    let running = Running::start(&control, Knobs::default()).await;
    let vm = a_vm(&control);
    control.want(std::slice::from_ref(&vm));
    settled(&control, &vm, ObservedPower::Running).await;

    running.host.power_cut();
    control
        .until("started again", SOON, |_| running.host.domains()[&vm.vm_id].starts == 2)
        .await;
    settled(&control, &vm, ObservedPower::Running).await;

    running.host.halt(vm.vm_id);
    control
        .until("halted", SOON, |state| {
            state
                .seen(vm.vm_id)
                .is_some_and(|seen| seen.stop_cause == Some(StopCause::Guest))
        })
        .await;
    assert_eq!(running.host.domains()[&vm.vm_id].starts, 2);

    let again = later(&vm, DesiredPower::Running);
    control.want(std::slice::from_ref(&again));
    settled(&control, &again, ObservedPower::Running).await;
}

#[tokio::test]
async fn a_control_plane_that_goes_and_comes_back_is_followed() {
    let control = Control::start().await;
    let running = Running::start(&control, Knobs::default()).await;
    let vm = a_vm(&control);
    control.want(std::slice::from_ref(&vm));
    settled(&control, &vm, ObservedPower::Running).await;

    control.state().down = true;
    let next = later(&vm, DesiredPower::Stopped);
    control.want(std::slice::from_ref(&next));
    running.host.print(vm.vm_id, "while away");
    {
        let mut state = control.state();
        state.consoles.clear();
        state.observed = None;
        state.down = false;
    }
    settled(&control, &next, ObservedPower::Stopped).await;
    control
        .until("the whole console again", SOON, |state| {
            state.consoles.get(&vm.vm_id).is_some_and(|tail| {
                let text = String::from_utf8_lossy(&tail.bytes);
                text.contains("boot 1") && text.contains("while away")
            })
        })
        .await;
}

#[tokio::test]
async fn a_corrupt_image_is_not_booted() {
    let control = Control::start().await;
    let running = Running::start(
        &control,
        Knobs {
            fetch_images: true,
            ..Knobs::default()
        },
    )
    .await;
    let vm = a_vm(&control);
    for bytes in control.state().images.values_mut() {
        bytes[0] ^= 1;
    }
    control.want(std::slice::from_ref(&vm));
    let corrupt = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::ImageCorrupt);
    control
        .until("the error", SOON, |state| state.seen(vm.vm_id).is_some_and(corrupt))
        .await;
    assert!(running.host.domains().is_empty());
    drop(running);
}

#[tokio::test]
async fn t10_guests_that_never_stop_talking_do_not_silence_the_others() {
    let control = Control::start().await;
    let running = Running::start(&control, Knobs::default()).await;
    let vms: Vec<DesiredVm> = (0..12).map(|_| a_vm(&control)).collect();
    control.want(&vms);
    for vm in &vms {
        settled(&control, vm, ObservedPower::Running).await;
    }
    let flood = "x".repeat(host_api::CONSOLE_TAIL);
    let last = vms.last().expect("a VM").vm_id;
    running.host.print(last, "can you hear me");
    let mut heard = false;
    for _ in 0..6 {
        for vm in vms.iter().filter(|vm| vm.vm_id != last) {
            running.host.print(vm.vm_id, &flood);
        }
        let reports = control.state().reports;
        control.until("a report", SOON, |state| state.reports > reports).await;
        heard |= String::from_utf8_lossy(&control.state().consoles[&last].bytes).contains("can you hear me");
    }
    assert!(heard);
}

#[tokio::test]
async fn t53_a_host_enrols_once_per_token() {
    let _ = rustls_provider();
    let control = Control::start().await;
    let dir = std::env::temp_dir().join(format!("host-sim-{}", std::process::id()));
    let state = host_runtime::StateDir::open(&dir).expect("a folder");
    let open = async |token| SimHost::open(control.url(), &state, token, Knobs::default()).await;

    assert!(matches!(open(None).await, Err(host_runtime::enrol::Error::NoToken)));
    let first = open(Some("first")).await.expect("enrolled").host_id();
    assert_eq!(open(None).await.expect("known").host_id(), first);
    assert_eq!(open(Some("first")).await.expect("known").host_id(), first);
    assert_eq!(control.state().enrolled.len(), 1);

    let second = HostId::mint();
    control.state().closed = true;
    assert_eq!(open(Some("second")).await.expect("as before").host_id(), first);
    control.state().closed = false;
    control.state().host_id = second;
    assert_eq!(open(Some("second")).await.expect("anew").host_id(), second);
    let kept = std::fs::read_to_string(dir.join("host")).expect("a note");
    assert!(!kept.contains("second"), "the token was kept");
    std::fs::remove_dir_all(dir).expect("removed");
}
