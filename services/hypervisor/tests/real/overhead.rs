use std::time::{Duration, Instant};

use host_api::{DesiredPower, DesiredVm, ObservedPower};

use crate::place::{Place, later};

/// What we add to libvirt's own work: from a wish in the control plane to the report that it runs.
#[tokio::test(flavor = "multi_thread")]
async fn little_is_added_to_what_libvirt_takes() {
    let place = Place::running().await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        let vm = DesiredVm {
            stop_grace_s: 0,
            ..place.vm("")
        };
        let begun = Instant::now();
        place.want(std::slice::from_ref(&vm));
        place.settled(&vm, ObservedPower::Running).await;
        let whole = begun.elapsed();
        let told = place.control.state().timings.get(&vm.vm_id).copied().expect("timings");
        let libvirt = Duration::from_millis(told.define_ms + told.start_ms);
        ours.push(whole.saturating_sub(libvirt));
        theirs.push(libvirt);
        let gone = later(&vm, DesiredPower::Absent);
        place.want(std::slice::from_ref(&gone));
        place.settled(&gone, ObservedPower::Absent).await;
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    println!("p50 over {}: libvirt {:?}, added {:?}", ours.len(), theirs[5], ours[5]);
    assert!(ours[5] < Duration::from_secs(1), "{ours:?}");
}
