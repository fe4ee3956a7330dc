use std::time::Duration;

use host_api::{DesiredPower, DesiredVm, ObservedPower};

use crate::place::{Place, SOON, later};

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
    let same = |state: &host_sim::control::State| {
        state
            .consoles
            .get(&vm.vm_id)
            .is_some_and(|tail| tail.bytes.starts_with(&whole))
    };
    place.control.until("the same console", SOON, same).await;
    assert_eq!(place.domain(vm.vm_id).id(), id, "the guest was restarted");
}
