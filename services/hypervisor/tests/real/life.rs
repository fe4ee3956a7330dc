use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use host_api::{DesiredPower, DesiredVm, ErrorCode, ObservedPower, PlacementEpoch, StopCause};

use crate::place::{Place, ended, later};

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_lives_its_life() {
    let place = Place::running().await;
    let vm = place.vm("hostname=first");
    place.want(std::slice::from_ref(&vm));
    let up = place.settled(&vm, ObservedPower::Running).await;
    place
        .until("the time libvirt took", |_| place.log().contains("step"))
        .await;
    assert!(up.memory_mib > 0 && up.error.is_none(), "{up:?}");
    place.prints(&vm, "yunshu guest: ready", 1).await;
    place
        .until("its work", |state| {
            state.seen(vm.vm_id).is_some_and(|seen| seen.cpu_time_ns > 0)
        })
        .await;

    let off = later(&vm, DesiredPower::Stopped);
    place.want(std::slice::from_ref(&off));
    place.settled(&off, ObservedPower::Stopped).await;
    place.prints(&vm, "Power down", 1).await;
    assert_eq!(
        place.control.state().seen(vm.vm_id).unwrap().stop_cause,
        Some(StopCause::Asked)
    );

    let larger = host_api::Shape {
        vcpus: 2,
        memory_mib: 192,
        disk_gib: 1,
    };
    let on = DesiredVm {
        shape: larger,
        ..later(&off, DesiredPower::Running)
    };
    place.want(std::slice::from_ref(&on));
    place.settled(&on, ObservedPower::Running).await;
    place.prints(&vm, "yunshu guest: ready", 2).await;
    let info = place.domain(vm.vm_id).info().unwrap();
    assert_eq!((info.nr_virt_cpu, info.max_mem), (2, 192 * 1024));

    let rebooted = DesiredVm {
        reboots: 1,
        ..later(&on, DesiredPower::Running)
    };
    place.want(std::slice::from_ref(&rebooted));
    place.settled(&rebooted, ObservedPower::Running).await;
    place.prints(&vm, "yunshu guest: ready", 3).await;

    let gone = later(&rebooted, DesiredPower::Absent);
    place.want(std::slice::from_ref(&gone));
    place.settled(&gone, ObservedPower::Absent).await;
    assert!(
        place.domains().is_empty() && place.leftovers().is_empty(),
        "{:?}",
        place.leftovers()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t53_the_identity_is_one_secret_file_and_the_certificate_is_presented() {
    let mut place = Place::running().await;
    place.until("a report", |state| state.reports > 0).await;
    let identity = place.state().join("identity.pem");
    assert_eq!(fs::metadata(&identity).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = host_runtime::Identity::keep(&identity).unwrap();
    assert!(
        place
            .gateway
            .presented
            .lock()
            .unwrap()
            .iter()
            .all(|shown| shown == kept.fingerprint())
    );
    assert!(!place.gateway.presented.lock().unwrap().is_empty());

    place.kill();
    place.start();
    place.until("another session", |state| state.epoch.0 == 2).await;
    assert_eq!(place.control.state().enrolled.len(), 1, "a token is used once");
    assert!(
        !place.log().contains("one-use") && !place.log().contains("PRIVATE"),
        "a secret in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn t51_a_hostile_name_is_only_a_name() {
    let place = Place::running().await;
    let mut vm = place.vm("");
    vm.name = "</title><on_crash>restart</on_crash>\u{0}\u{b}\n&amp;]]>'\"云".to_owned();
    place.want(std::slice::from_ref(&vm));
    place.settled(&vm, ObservedPower::Running).await;
    let title = place.domain(vm.vm_id).metadata(1, None, 0).unwrap();
    assert_eq!(
        title,
        "</title><on_crash>restart</on_crash>\u{fffd}\u{fffd}\u{fffd}&amp;]]>'\"云"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_switches_itself_off_stays_off() {
    let place = Place::running().await;
    let vm = place.vm("rdinit=/bin/busybox -- poweroff -f");
    place.want(std::slice::from_ref(&vm));
    let halted = |seen: &host_api::ObservedVm| seen.stop_cause == Some(StopCause::Guest);
    place
        .until("it switches itself off", |state| {
            state.seen(vm.vm_id).is_some_and(halted)
        })
        .await;
    let reports = place.control.state().reports;
    place.until("it stays off", |state| state.reports > reports + 3).await;
    assert!(halted(place.control.state().seen(vm.vm_id).unwrap()));
    let mark = place
        .domain(vm.vm_id)
        .metadata(2, Some("urn:yunshu:domain:1"), 0)
        .unwrap();
    assert!(
        mark.contains("halted=\"true\"") || mark.contains("halted='true'"),
        "{mark}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_domain_is_not_touched() {
    let place = Place::running().await;
    let vm = place.vm("");
    let id = vm.vm_id;
    let xml = format!(
        "<domain type='qemu'><name>stranger-{id}</name><uuid>{id}</uuid><memory unit='MiB'>64</memory>\
         <os><type arch='x86_64'>hvm</type></os></domain>"
    );
    let connection = place.connect();
    let stranger = connection.define_domain_xml(&xml).unwrap();
    let before = stranger.xml_desc(0).unwrap();

    place.want(std::slice::from_ref(&vm));
    let foreign = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::ForeignDomain);
    place
        .until("the refusal", |state| state.seen(id).is_some_and(foreign))
        .await;
    place.want(&[later(&vm, DesiredPower::Absent)]);
    let reports = place.control.state().reports;
    place.until("more reports", |state| state.reports > reports + 2).await;
    let after = stranger.xml_desc(0);
    stranger.undefine().unwrap();
    assert_eq!(after.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn t37_an_older_placement_changes_nothing_and_silence_neither() {
    let place = Place::running().await;
    let vm = DesiredVm {
        epoch: PlacementEpoch(3),
        ..place.vm("")
    };
    place.want(std::slice::from_ref(&vm));
    place.settled(&vm, ObservedPower::Running).await;
    let id = place.domain(vm.vm_id).id();

    let stale = DesiredVm {
        epoch: PlacementEpoch(2),
        ..later(&vm, DesiredPower::Absent)
    };
    place.want(std::slice::from_ref(&stale));
    let refused = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::StaleIntent);
    place
        .until("the refusal", |state| state.seen(vm.vm_id).is_some_and(refused))
        .await;

    place.want(&[]);
    let orphan = |seen: &host_api::ObservedVm| (seen.power, seen.epoch) == (ObservedPower::Running, vm.epoch);
    place
        .until("the empty set", |state| {
            state
                .observed
                .as_ref()
                .is_some_and(|o| o.revision == Some(state.desired.revision))
        })
        .await;
    place
        .until("the orphan", |state| state.seen(vm.vm_id).is_some_and(orphan))
        .await;
    assert_eq!(place.domain(vm.vm_id).id(), id, "it was touched");

    place.control.state().disowned.insert(vm.vm_id, vm.epoch);
    place.until("it is gone", |state| state.seen(vm.vm_id).is_none()).await;
    assert!(place.domains().is_empty() && place.leftovers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_process_is_refused_and_a_zombie_ends_with_3() {
    let mut place = Place::running().await;
    place.until("a report", |state| state.reports > 0).await;
    let second = place.command().stdout(Stdio::null()).spawn().unwrap();
    assert!(!ended(second).await.success());
    assert!(
        place.log().contains("another yunshu-hypervisor uses"),
        "{}",
        place.log()
    );

    place.control.state().epoch.0 += 1;
    let status = ended(place.take()).await;
    assert_eq!(status.code(), Some(3), "{}", place.log());
}
