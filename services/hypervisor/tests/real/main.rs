//! The binary, over mutual TLS, against real libvirt and QEMU.
//!
//! Needs `YUNSHU_LIBVIRT` (`qemu:///system`), `YUNSHU_GUEST_KERNEL` and `YUNSHU_GUEST_INITRD`, and root; fails without.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod disks;
mod faults;
mod gateway;
mod libvirtd;
mod life;
mod overhead;
mod place;
mod scale;
