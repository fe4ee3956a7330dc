//! A size of machine. Never changed: machines carry a copy of theirs.

use chrono::{DateTime, Utc};
use ids::FlavorId;

use crate::check::Check;

/// A size of machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flavor {
    /// Its id.
    pub id: FlavorId,
    /// Its name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB; 0 is none, for images that are a kernel.
    pub disk_gib: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// A flavor to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFlavor {
    /// Its name.
    pub name: String,
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
}

impl NewFlavor {
    /// Checks every field and names all that are wrong.
    pub fn check(self) -> Result<Self, fault::Error> {
        let mut check = Check::default();
        check.title("/name", &self.name);
        check.that((1..=1024).contains(&self.vcpus), "/vcpus", "must be from 1 to 1024");
        let memory = (16..=16_777_216).contains(&self.memory_mib);
        check.that(memory, "/memory_mib", "must be from 16 to 16777216");
        check.that(
            (0..=65_536).contains(&self.disk_gib),
            "/disk_gib",
            "must be from 0 to 65536",
        );
        check.done()?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded() {
        let tiny = NewFlavor {
            name: "tiny".to_owned(),
            vcpus: 1,
            memory_mib: 128,
            disk_gib: 0,
        };
        assert!(tiny.clone().check().is_ok());
        for wrong in [
            NewFlavor {
                vcpus: 0,
                ..tiny.clone()
            },
            NewFlavor {
                vcpus: 1025,
                ..tiny.clone()
            },
            NewFlavor {
                memory_mib: 15,
                ..tiny.clone()
            },
            NewFlavor {
                disk_gib: -1,
                ..tiny.clone()
            },
            NewFlavor {
                disk_gib: 65_537,
                ..tiny.clone()
            },
            NewFlavor {
                name: "Tiny".to_owned(),
                ..tiny
            },
        ] {
            assert!(wrong.clone().check().is_err(), "{wrong:?}");
        }
    }
}
