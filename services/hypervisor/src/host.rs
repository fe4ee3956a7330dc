//! What the machine itself is, and how busy.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Mutex,
};

use host_api::{DomainType, Usage};

const KVM: &str = "/dev/kvm";
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How guests can run here, and what an operator should mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtualisation {
    /// kvm only if it will work.
    pub domain_type: DomainType,
    /// One line with the mend.
    pub trouble: Option<String>,
}

/// What decides how guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// The processor has svm or vmx. `/dev/kvm` alone proves nothing: under nested para-virtualisation it opens, and guests hang.
    flag: bool,
    /// `/dev/kvm` is there.
    device: bool,
    /// It is root:kvm 0660. Otherwise QEMU's user cannot open it, and libvirt probes QEMU anew at every call: 44 s to create
    /// a domain instead of 0.3 s.
    proper: bool,
}

/// Looks at the processor and at `/dev/kvm`.
pub fn virtualisation() -> Virtualisation {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let meta = fs::metadata(KVM).ok();
    judge(Facts {
        flag: has_flag(&cpuinfo),
        device: meta.is_some(),
        proper: meta.is_some_and(|meta| {
            meta.uid() == 0 && Some(meta.gid()) == gid(&groups, "kvm") && meta.permissions().mode() & 0o777 == 0o660
        }),
    })
}

fn judge(facts: Facts) -> Virtualisation {
    let mend = format!("{KVM} is not root:kvm 0660, libvirt will be slow: chown root:kvm {KVM} && chmod 0660 {KVM}");
    match facts {
        Facts {
            flag: true,
            device: true,
            proper: true,
        } => Virtualisation {
            domain_type: DomainType::Kvm,
            trouble: None,
        },
        Facts {
            device: true,
            proper: false,
            ..
        } => Virtualisation {
            domain_type: DomainType::Qemu,
            trouble: Some(mend),
        },
        Facts {
            flag: true,
            device: false,
            ..
        } => Virtualisation {
            domain_type: DomainType::Qemu,
            trouble: Some(format!(
                "the processor can virtualise but there is no {KVM}: modprobe kvm_intel or kvm_amd"
            )),
        },
        Facts { flag: false, .. } => Virtualisation {
            domain_type: DomainType::Qemu,
            trouble: None,
        },
    }
}

fn has_flag(cpuinfo: &str) -> bool {
    cpuinfo
        .lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_ascii_whitespace().any(|flag| matches!(flag, "svm" | "vmx")))
}

fn gid(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name))
            .then(|| fields.nth(1)?.parse().ok())
            .flatten()
    })
}

/// The first folder on the way that QEMU's user cannot pass.
pub fn barrier(dir: &Path) -> Option<&Path> {
    let closed = |dir: &&Path| fs::metadata(dir).is_ok_and(|meta| meta.permissions().mode() & 0o001 == 0);
    dir.ancestors().collect::<Vec<_>>().into_iter().rev().find(closed)
}

/// Changes with each boot.
pub fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// GiB of the file system of a folder: all of it, and what is free.
pub fn disk_gib(dir: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok((stat.f_blocks * stat.f_frsize / GIB, stat.f_bavail * stat.f_frsize / GIB))
}

/// How busy the machine is, averaged since it was last asked.
#[derive(Debug, Default)]
pub struct Gauge(Mutex<(u64, u64)>);

impl Gauge {
    /// Reads `/proc`; what cannot be read is 0.
    pub fn read(&self, dir: &Path) -> Usage {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let now = cpu_ticks(&stat).unwrap_or_default();
        let before = {
            let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::replace(&mut *last, now)
        };
        let (total, free) = disk_gib(dir).unwrap_or_default();
        Usage {
            cpu_percent: percent(before, now),
            memory_used_mib: memory_used(&fs::read_to_string("/proc/meminfo").unwrap_or_default()),
            disk_used_gib: total.saturating_sub(free),
        }
    }
}

/// Busy and all ticks since boot.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<u64> = line
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|tick| tick.parse().ok())
        .collect();
    let all = ticks.iter().sum::<u64>();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((all - idle, all))
}

fn percent(before: (u64, u64), now: (u64, u64)) -> f32 {
    let (busy, all) = (now.0.saturating_sub(before.0), now.1.saturating_sub(before.1));
    // Hundredths of a percent fit 16 bits, and 16 bits fit a float.
    u16::try_from(busy * 10_000 / all.max(1)).map_or(100.0, |hundredths| f32::from(hundredths) / 100.0)
}

fn memory_used(meminfo: &str) -> u64 {
    let kib = |name: &str| -> u64 {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
            .unwrap_or(0)
    };
    kib("MemTotal:").saturating_sub(kib("MemAvailable:")) * 1024 / MIB
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kvm_needs_the_processor_and_a_proper_device() {
        let of = |flag, device, proper| judge(Facts { flag, device, proper });
        assert_eq!(
            of(true, true, true),
            Virtualisation {
                domain_type: DomainType::Kvm,
                trouble: None
            }
        );
        assert_eq!(
            of(false, true, true),
            Virtualisation {
                domain_type: DomainType::Qemu,
                trouble: None
            }
        );
        assert_eq!(
            of(false, false, false),
            Virtualisation {
                domain_type: DomainType::Qemu,
                trouble: None
            }
        );
        for (flag, device) in [(true, true), (false, true), (true, false)] {
            let told = of(flag, device, false);
            assert_eq!(told.domain_type, DomainType::Qemu);
            assert!(told.trouble.is_some(), "{flag} {device}");
        }
    }

    #[test]
    fn a_flag_is_a_word() {
        assert!(has_flag("model name : x\nflags\t\t: fpu vmx sse\n"));
        assert!(has_flag("flags : svm"));
        assert!(!has_flag("flags : svm_lock vmx_foo\nmodel name : vmx"));
    }

    #[test]
    fn proc_is_understood() {
        let stat = "cpu  10 0 20 60 10 0 0 0 0 0\ncpu0 1 1 1 1";
        assert_eq!(cpu_ticks(stat), Some((30, 100)));
        assert!((percent((0, 0), (30, 100)) - 30.0).abs() < 0.01);
        assert!(percent((5, 5), (5, 5)).abs() < f32::EPSILON);
        assert_eq!(
            memory_used("MemTotal: 4096 kB\nMemFree: 1 kB\nMemAvailable: 1024 kB"),
            3
        );
        assert_eq!(gid("root:x:0:\nkvm:x:107:\n", "kvm"), Some(107));
        assert_eq!(gid("kvmx:x:1:", "kvm"), None);
    }

    #[test]
    fn a_closed_folder_on_the_way_is_found() {
        let dir = std::env::temp_dir().join(format!("barrier-{}", std::process::id()));
        let inner = dir.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(barrier(&inner), Some(dir.as_path()));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(barrier(&inner), None);
        fs::remove_dir_all(dir).unwrap();
    }
}
