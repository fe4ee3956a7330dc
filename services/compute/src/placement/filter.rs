use super::{HostSnapshot, Need};

/// A reason why a host cannot take a machine. Asked in this order: a host is counted by the first that refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    State,
    Heartbeat,
    Pool,
    Vcpus,
    Memory,
    Disk,
}

impl Filter {
    pub const ALL: [Self; 6] = [
        Self::State,
        Self::Heartbeat,
        Self::Pool,
        Self::Vcpus,
        Self::Memory,
        Self::Disk,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Heartbeat => "heartbeat",
            Self::Pool => "pool",
            Self::Vcpus => "vcpus",
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// What is said of the hosts that the filter of this name refused, after their number.
    pub fn complaint(name: &str) -> &'static str {
        match name {
            "state" => "take no new machines",
            "heartbeat" => "cannot be heard",
            "pool" => "are in another pool",
            "vcpus" => "lack processors",
            "memory" => "lack memory",
            _ => "lack disk",
        }
    }

    pub fn lets_through(self, host: &HostSnapshot, need: &Need) -> bool {
        let then = host.with(need.size);
        match self {
            Self::State => host.up,
            Self::Heartbeat => host.heard,
            Self::Pool => need.pool.is_none_or(|pool| pool == host.pool),
            Self::Vcpus => then.vcpus <= host.cap.vcpus,
            Self::Memory => then.memory_mib <= host.cap.memory_mib,
            Self::Disk => then.disk_gib <= host.cap.disk_gib,
        }
    }
}
