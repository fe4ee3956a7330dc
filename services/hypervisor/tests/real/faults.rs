use std::time::Duration;

use host_api::{DesiredPower, DesiredVm, ErrorCode, ObservedError, ObservedPower};
use host_sim::control::State;

use crate::{
    libvirtd::Libvirtd,
    place::{Place, SOON, later, list},
};

/// Uneven pauses without a generator: golden-ratio steps, so that kills fall into every phase.
fn pause(round: u32) -> Duration {
    Duration::from_millis(u64::from(round.wrapping_mul(2_654_435_769) >> 16) % 900)
}

#[tokio::test(flavor = "multi_thread")]
async fn t31_kill_9_at_any_moment_loses_and_doubles_nothing() {
    let mut place = Place::running().await;
    for round in 0..4u32 {
        let vms: Vec<DesiredVm> = (0..3)
            .map(|_| DesiredVm {
                stop_grace_s: 0,
                ..place.vm("")
            })
            .collect();
        place.want(&vms);
        for kill in 0..3 {
            tokio::time::sleep(pause(round * 7 + kill)).await;
            place.kill();
            place.start();
        }
        for vm in &vms {
            place.settled(vm, ObservedPower::Running).await;
        }
        assert_eq!(place.domains().len(), vms.len());

        let gone: Vec<DesiredVm> = vms.iter().map(|vm| later(vm, DesiredPower::Absent)).collect();
        place.want(&gone);
        for kill in 0..3 {
            tokio::time::sleep(pause(round * 11 + kill)).await;
            place.kill();
            place.start();
        }
        for vm in &gone {
            place.settled(vm, ObservedPower::Absent).await;
        }
        assert!(place.domains().is_empty(), "a domain is left");
        assert!(place.leftovers().is_empty(), "files are left: {:?}", place.leftovers());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_the_guest_outlive_both_sides() {
    let mut place = Place::running().await;
    let vm = place.vm("");
    place.want(std::slice::from_ref(&vm));
    place.settled(&vm, ObservedPower::Running).await;
    place.prints(&vm, "yunshu guest: ready", 1).await;
    let id = place.domain(vm.vm_id).id();
    let whole = place.control.state().consoles[&vm.vm_id].bytes.clone();

    place.kill();
    place.control.state().consoles.clear();
    place.control.state().down = true;
    place.start();
    place.logs("no session yet").await;
    place.control.state().observed = None;
    place.control.state().down = false;

    place.settled(&vm, ObservedPower::Running).await;
    let same = |state: &State| {
        state
            .consoles
            .get(&vm.vm_id)
            .is_some_and(|tail| tail.bytes.starts_with(&whole))
    };
    place.control.until("the same console", SOON, same).await;
    assert_eq!(place.domain(vm.vm_id).id(), id, "the guest was restarted");
}

#[tokio::test(flavor = "multi_thread")]
async fn libvirtd_may_die_and_come_back() {
    let mut libvirtd = Libvirtd::start("dies").await;
    let mut place = Place::on(&libvirtd.uri()).await;
    place.start();
    let first = place.vm("");
    place.want(std::slice::from_ref(&first));
    place.settled(&first, ObservedPower::Running).await;
    place.prints(&first, "yunshu guest: ready", 1).await;

    libvirtd.kill();
    let blind = |state: &State| {
        let away = |error: &ObservedError| error.code == ErrorCode::LibvirtUnavailable;
        let unknown = state
            .seen(first.vm_id)
            .is_some_and(|seen| seen.power == ObservedPower::Unknown);
        unknown
            && state
                .observed
                .as_ref()
                .and_then(|report| report.error.as_ref())
                .is_some_and(away)
    };
    place.until("it says that it cannot see", blind).await;
    let second = place.vm("");
    place.want(&[first.clone(), second.clone()]);

    libvirtd.again().await;
    place.settled(&first, ObservedPower::Running).await;
    place.settled(&second, ObservedPower::Running).await;
    assert_eq!(place.domains().len(), 2);
    let console = place.control.state().consoles[&first.vm_id].bytes.clone();
    let boots = String::from_utf8_lossy(&console).matches("yunshu guest: ready").count();
    assert_eq!(boots, 1, "the first guest was restarted");
    assert!(place.log().matches("connected to libvirt").count() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_process_dies_is_started_again() {
    let libvirtd = Libvirtd::start("guest").await;
    let mut place = Place::on(&libvirtd.uri()).await;
    place.start();
    let vm = place.vm("");
    place.want(std::slice::from_ref(&vm));
    place.settled(&vm, ObservedPower::Running).await;
    place.prints(&vm, "yunshu guest: ready", 1).await;
    libvirtd.kill_guest(vm.vm_id);
    place.prints(&vm, "yunshu guest: ready", 2).await;
    place.settled(&vm, ObservedPower::Running).await;
}

/// A frozen libvirtd is worse than a dead one: nothing fails, nothing answers.
#[tokio::test(flavor = "multi_thread")]
async fn t40_a_frozen_libvirtd_does_not_freeze_the_heartbeat() {
    let libvirtd = Libvirtd::start("frozen").await;
    let mut place = Place::on(&libvirtd.uri()).await;
    place.start();
    place.until("reports", |state| state.reports > 1).await;
    libvirtd.freeze(true);
    let away = |state: &State| state.observed.as_ref().is_some_and(|report| report.error.is_some());
    place
        .control
        .until("it says that libvirt is away", Duration::from_secs(10), away)
        .await;
    let reports = place.control.state().reports;
    place
        .control
        .until("its heart beats", Duration::from_secs(15), |state| {
            state.reports > reports + 1
        })
        .await;
    libvirtd.freeze(false);
    place.until("it sees again", |state| !away(state)).await;
}

/// A guest that never stops talking fills neither the disk nor the report.
#[tokio::test(flavor = "multi_thread")]
async fn t52_a_flooding_console_is_bounded_and_followed() {
    let place = Place::running().await;
    let vm = place.vm("rdinit=/bin/busybox -- yes");
    place.want(std::slice::from_ref(&vm));
    let stream = |state: &State| state.consoles.get(&vm.vm_id).and_then(|tail| tail.stream.clone());
    place.until("its first words", |state| stream(state).is_some()).await;
    let first = stream(&place.control.state());
    let patience = Duration::from_mins(4);
    place
        .control
        .until("a rotation", patience, |state| stream(state) != first)
        .await;
    let next = place.control.state().consoles[&vm.vm_id].next;
    place
        .until("what follows it", |state| state.consoles[&vm.vm_id].next > next)
        .await;
    assert!(place.control.state().consoles[&vm.vm_id].bytes.len() <= host_api::CONSOLE_TAIL);
    let sizes = list(&place.leftovers()[0])
        .into_iter()
        .filter(|file| file.to_string_lossy().contains("console.log"));
    let kept: u64 = sizes.map(|file| file.metadata().unwrap().len()).sum();
    assert!(kept < 10 << 20, "{kept} bytes of console");
}
