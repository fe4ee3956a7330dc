//! What a tenant may use.

use serde::{Deserialize, Serialize};

use crate::vm::Size;

/// Limits of one tenant; also the defaults in the settings, which hold until a tenant's first claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Machines.
    pub vms: i32,
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i64,
    /// Disk in GiB.
    pub disk_gib: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            vms: 20,
            vcpus: 40,
            memory_mib: 81_920,
            disk_gib: 500,
        }
    }
}

/// What a tenant uses of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Machines.
    pub vms: i32,
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i64,
    /// Disk in GiB.
    pub disk_gib: i64,
}

/// Limits and use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What may be used.
    pub limits: Limits,
    /// What is used.
    pub used: Used,
    /// One more with each change of the limits.
    pub version: i64,
}

impl Quota {
    /// The quota of a tenant that never claimed anything.
    pub fn untouched(limits: Limits) -> Self {
        Self {
            limits,
            used: Used::default(),
            version: 0,
        }
    }

    /// `(resource, limit, used)` of each resource.
    pub fn rows(&self) -> [(&'static str, i64, i64); 4] {
        let (limits, used) = (&self.limits, &self.used);
        [
            ("vms", i64::from(limits.vms), i64::from(used.vms)),
            ("vcpus", i64::from(limits.vcpus), i64::from(used.vcpus)),
            ("memory_mib", limits.memory_mib, used.memory_mib),
            ("disk_gib", limits.disk_gib, used.disk_gib),
        ]
    }

    /// Why one more machine of this size cannot be claimed: every resource that is short, with numbers.
    pub fn refusal(&self, size: Size) -> fault::Error {
        let takes = [
            1,
            i64::from(size.vcpus),
            i64::from(size.memory_mib),
            i64::from(size.disk_gib),
        ];
        let short = self
            .rows()
            .into_iter()
            .zip(takes)
            .filter(|((_, limit, used), takes)| used + takes > *limit);
        let said: Vec<_> = short
            .map(|((name, limit, used), takes)| format!("{name}: {used} of {limit} used, {takes} more asked"))
            .collect();
        fault::Error::new(
            fault::Kind::QuotaExceeded,
            format!("The tenant's quota does not allow it ({}).", said.join("; ")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_is_short_and_nothing_else() {
        let limits = Limits {
            vms: 2,
            vcpus: 4,
            memory_mib: 1024,
            disk_gib: 10,
        };
        let used = Used {
            vms: 1,
            vcpus: 3,
            memory_mib: 1000,
            disk_gib: 0,
        };
        let refusal = Quota {
            limits,
            used,
            version: 1,
        }
        .refusal(Size {
            vcpus: 2,
            memory_mib: 24,
            disk_gib: 1,
        });
        assert_eq!(refusal.kind(), fault::Kind::QuotaExceeded);
        assert!(
            refusal.detail().contains("vcpus: 3 of 4 used, 2 more asked"),
            "{}",
            refusal.detail()
        );
        assert!(!refusal.detail().contains("memory_mib"), "{}", refusal.detail());
    }
}
