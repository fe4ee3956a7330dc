use std::time::{Duration, Instant};

use host_api::{BootImage, DesiredPower, DesiredVm, ObservedPower};

use crate::place::{Place, later};

/// libvirt's own fake driver: its cost is ours.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_vms_come_and_go() {
    let mut place = Place::on("test:///default").await;
    place.start();
    let kernel = place.control.offer(b"never run".to_vec());
    let image = BootImage::Kernel {
        kernel,
        initrd: None,
        cmdline: String::new(),
    };
    let one = || DesiredVm {
        stop_grace_s: 0,
        image: image.clone(),
        ..place.vm("")
    };
    let vms: Vec<DesiredVm> = (0..200).map(|_| one()).collect();
    let begun = Instant::now();
    place.want(&vms);
    for vm in &vms {
        place.settled(vm, ObservedPower::Running).await;
    }
    let up = begun.elapsed();

    let gone: Vec<DesiredVm> = vms.iter().map(|vm| later(vm, DesiredPower::Absent)).collect();
    place.want(&gone);
    for vm in &gone {
        place.settled(vm, ObservedPower::Absent).await;
    }
    println!("200 VMs up in {up:?}, gone after {:?}", begun.elapsed());
    assert!(place.leftovers().is_empty());
    assert!(up < Duration::from_mins(1), "{up:?}");
}
