use std::time::Instant;

use host_api::{Actual, ActualPower, Generation, PlacementEpoch, Shape};

/// A domain on a simulated host.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its state, and what is written into it.
    pub actual: Actual,
    /// How often it was started.
    pub starts: u32,
    /// What its serial port printed.
    pub console: Vec<u8>,
    pub(crate) since: Instant,
}

impl Domain {
    /// A running domain of a placement.
    #[must_use]
    pub fn running(epoch: PlacementEpoch, generation: Generation, shape: Shape) -> Self {
        let power = ActualPower::Running;
        Self::of(Actual {
            epoch,
            generation,
            reboots: 0,
            asked: false,
            shape,
            power,
        })
    }

    pub(crate) fn of(actual: Actual) -> Self {
        Self {
            actual,
            starts: 0,
            console: Vec::new(),
            since: Instant::now(),
        }
    }

    /// Whether it is on.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.actual.power == ActualPower::Running
    }
}
