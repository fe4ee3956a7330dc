use std::{fs, os::unix::fs::MetadataExt as _, process::Command};

use host_api::{BootImage, DesiredPower, DesiredVm, ErrorCode, ObservedPower, Shape};

use crate::place::{Place, later, list};

fn qemu_img(args: &[&str]) -> String {
    let output = Command::new("qemu-img").args(args).output().expect("qemu-img");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn on_disk(place: &Place, bytes: Vec<u8>, disk_gib: u64) -> DesiredVm {
    let shape = Shape {
        vcpus: 1,
        memory_mib: 128,
        disk_gib,
    };
    let disk = place.control.offer(bytes);
    DesiredVm {
        shape,
        stop_grace_s: 0,
        image: BootImage::Disk { disk },
        ..place.vm("")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_an_overlay_that_grows_and_goes() {
    let place = Place::running().await;
    let image = place.dir.join("image.qcow2");
    let image = image.to_str().unwrap();
    qemu_img(&["create", "-q", "-f", "qcow2", image, "64M"]);
    let vm = on_disk(&place, fs::read(image).unwrap(), 1);
    place.want(std::slice::from_ref(&vm));
    place.settled(&vm, ObservedPower::Running).await;

    let folder = &place.leftovers()[0];
    let disk = list(folder)
        .into_iter()
        .find(|file| file.extension().is_some_and(|e| e == "qcow2"))
        .unwrap();
    let disk = disk.to_str().unwrap();
    let info = qemu_img(&["info", "-U", "--output=json", disk]);
    assert!(info.contains("\"virtual-size\": 1073741824") && info.contains("\"backing-filename-format\": \"qcow2\""));
    let base = &list(&place.state().join("images"))[0];
    assert_eq!(
        fs::metadata(base).unwrap().uid(),
        0,
        "the shared image was given to QEMU's user"
    );

    let larger = DesiredVm {
        shape: Shape {
            disk_gib: 2,
            ..vm.shape
        },
        ..later(&vm, DesiredPower::Running)
    };
    place.want(std::slice::from_ref(&larger));
    place.settled(&larger, ObservedPower::Running).await;
    assert!(qemu_img(&["info", "-U", "--output=json", disk]).contains("\"virtual-size\": 2147483648"));

    let smaller = DesiredVm {
        shape: vm.shape,
        ..later(&larger, DesiredPower::Running)
    };
    place.want(std::slice::from_ref(&smaller));
    let shrink = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::DiskShrink);
    place
        .until("the refusal", |state| state.seen(vm.vm_id).is_some_and(shrink))
        .await;

    let gone = later(&smaller, DesiredPower::Absent);
    place.want(std::slice::from_ref(&gone));
    place.settled(&gone, ObservedPower::Absent).await;
    assert!(place.domains().is_empty() && place.leftovers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn t55_a_hostile_image_is_not_opened() {
    let place = Place::running().await;
    let secret = place.dir.join("secret");
    fs::write(&secret, vec![b'x'; 1 << 20]).unwrap();
    let image = place.dir.join("image.qcow2");
    let (image, secret) = (image.to_str().unwrap(), secret.to_str().unwrap());
    qemu_img(&["create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, image]);
    let backed = on_disk(&place, fs::read(image).unwrap(), 1);
    fs::remove_file(image).unwrap();
    let data = format!("data_file={secret},data_file_raw=on");
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", &data, image, "1M"]);
    let external = on_disk(&place, fs::read(image).unwrap(), 1);
    let plain = on_disk(&place, vec![0; 4096], 1);

    let vms = [backed, external, plain];
    place.want(&vms);
    let corrupt = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::ImageCorrupt);
    let all = |state: &host_sim::control::State| vms.iter().all(|vm| state.seen(vm.vm_id).is_some_and(corrupt));
    place.until("three refusals", all).await;
    assert!(place.domains().is_empty());
    for folder in place.leftovers() {
        assert!(list(&folder).is_empty(), "{:?}", list(&folder));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_its_digest_is_not_kept() {
    let place = Place::running().await;
    let vm = place.vm("");
    for bytes in place.control.state().images.values_mut() {
        bytes[0] ^= 1;
    }
    place.want(std::slice::from_ref(&vm));
    let corrupt = |seen: &host_api::ObservedVm| seen.error.as_ref().is_some_and(|e| e.code == ErrorCode::ImageCorrupt);
    place
        .until("the refusal", |state| state.seen(vm.vm_id).is_some_and(corrupt))
        .await;
    assert!(list(&place.state().join("images")).is_empty());

    for bytes in place.control.state().images.values_mut() {
        bytes[0] ^= 1;
    }
    place.settled(&vm, ObservedPower::Running).await;
}
