//! A pool of hosts: where machines are placed, and how full its hosts may be.

use chrono::{DateTime, Utc};
use host_api::Capacity;
use ids::PoolId;

use crate::check::Check;
use crate::placement::Policy;

/// A pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its id.
    pub id: PoolId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub region: String,
    /// How much more is promised than there is.
    pub overcommit: Overcommit,
    /// How machines are spread over its hosts.
    pub policy: Policy,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// How much more is promised than there is. Disk is never promised twice: a full disk stops every guest on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overcommit {
    /// Virtual processors per logical processor, 1 to 16.
    pub cpu: f64,
    /// Memory promised per memory there is, 1 to 2.
    pub memory: f64,
}

/// What may be placed on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
}

impl Overcommit {
    /// Notes what is out of bounds; `pointer` is where it stands in the body.
    pub fn check(self, check: &mut Check, pointer: &str) {
        let within = |value: f64, most: f64| (1.0..=most).contains(&value);
        check.that(
            within(self.cpu, 16.0),
            &format!("{pointer}/cpu"),
            "must be from 1 to 16",
        );
        check.that(
            within(self.memory, 2.0),
            &format!("{pointer}/memory"),
            "must be from 1 to 2",
        );
    }

    /// What may be placed on a host that has this much.
    pub fn room(self, physical: Room) -> Room {
        Room {
            vcpus: scaled(physical.vcpus, self.cpu),
            memory_mib: scaled(physical.memory_mib, self.memory),
            disk_gib: physical.disk_gib,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, and it was rounded down before"
)]
fn scaled(amount: i32, by: f64) -> i32 {
    (f64::from(amount) * by).floor() as i32
}

impl Room {
    /// What a host says it has. More than the database can count is as good as the most it can.
    pub fn of(capacity: &Capacity) -> Self {
        let most = |amount: u64| i32::try_from(amount).unwrap_or(i32::MAX);
        Self {
            vcpus: i32::try_from(capacity.vcpus).unwrap_or(i32::MAX),
            memory_mib: most(capacity.memory_mib),
            disk_gib: most(capacity.disk_gib),
        }
    }
}

/// A pool to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPool {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub region: String,
    /// How much more is promised than there is.
    pub overcommit: Overcommit,
    /// How machines are spread over its hosts.
    pub policy: Policy,
}

impl NewPool {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<Self, fault::Error> {
        let mut check = Check::default();
        check.name("/name", &self.name);
        check.name("/region", &self.region);
        self.overcommit.check(&mut check, "/overcommit");
        check.done()?;
        Ok(self)
    }
}

impl Pool {
    /// The pool with these parts changed.
    pub fn with(&self, overcommit: Option<Overcommit>, policy: Option<Policy>) -> Result<Self, fault::Error> {
        let mut check = Check::default();
        let overcommit = overcommit.unwrap_or(self.overcommit);
        overcommit.check(&mut check, "/overcommit");
        check.done()?;
        Ok(Self {
            overcommit,
            policy: policy.unwrap_or(self.policy),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn new(overcommit: Overcommit) -> NewPool {
        NewPool {
            name: "default".to_owned(),
            region: "default".to_owned(),
            overcommit,
            policy: Policy::Spread,
        }
    }

    #[test]
    fn what_is_promised_is_bounded() {
        assert!(new(Overcommit { cpu: 16.0, memory: 1.0 }).check().is_ok());
        for (cpu, memory) in [
            (0.5, 1.0),
            (16.1, 1.0),
            (1.0, 0.9),
            (1.0, 2.1),
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
        ] {
            assert!(new(Overcommit { cpu, memory }).check().is_err(), "{cpu} {memory}");
        }
    }

    proptest! {
        #[test]
        fn room_is_never_less_than_there_is_nor_more_than_promised(
            vcpus in 0..4096i32, memory_mib in 0..i32::MAX, cpu in 1.0..=16.0f64, memory in 1.0..=2.0f64,
        ) {
            let physical = Room { vcpus, memory_mib, disk_gib: 7 };
            let room = Overcommit { cpu, memory }.room(physical);
            prop_assert!(room.vcpus >= vcpus && f64::from(room.vcpus) <= f64::from(vcpus) * cpu);
            prop_assert!(room.memory_mib >= memory_mib && f64::from(room.memory_mib) <= f64::from(memory_mib) * memory);
            prop_assert_eq!(room.disk_gib, 7);
        }
    }
}
