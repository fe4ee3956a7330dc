//! What to do next about one VM: the heart of a hypervisor, as a pure function.
//!
//! A hypervisor looks at the domain, asks [`action`], does that one step, and looks again until there is nothing to do. It
//! keeps nothing in between, so a crash after any step, a step done twice, or a set that changed half way are all the same case.
//!
//! Two facts cannot be seen from the outside and are therefore written into the domain: the numbers of the intent last
//! carried out, and `asked`: that its being off is our doing. `asked` is set **before** the hypervisor stops or starts a domain and
//! cleared once it was seen running. A domain that is off without it was switched off by its guest or failed; only the former
//! stays off, until its intent changes.

use crate::{DesiredPower, DesiredVm, Generation, PlacementEpoch, Shape, StopCause};

/// What a domain is, and what is written into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actual {
    /// The placement it belongs to.
    pub epoch: PlacementEpoch,
    /// The change of intent last carried out to the end.
    pub generation: Generation,
    /// The reboots carried out.
    pub reboots: u32,
    /// Its being off is our doing.
    pub asked: bool,
    /// How large it is defined.
    pub shape: Shape,
    /// What its power is.
    pub power: ActualPower,
}

/// The power of a domain, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActualPower {
    /// On.
    Running,
    /// Off because its guest said so.
    OffByGuest,
    /// Off for any other reason.
    Off,
    /// Its processors stand still: an operator's pause, or a disk that could not be written.
    Paused,
    /// Between two states; look again.
    Busy,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// All is as it should be, or stays as the guest left it.
    Nothing,
    /// Look again later.
    Wait,
    /// Make disk and domain, with `asked` and generation 0 written into it.
    Define,
    /// Change the shape of a domain that is off.
    Reshape,
    /// Write the reboots and `asked`, then start.
    Start,
    /// Let the processors run on.
    Resume,
    /// Write `asked`, then let the guest shut down, or cut its power when its grace is over.
    Stop,
    /// Destroy the domain, its disk and its log.
    Remove,
    /// Write the numbers of the intent and clear `asked`.
    Record,
    /// Do nothing and say why.
    Refuse(Refusal),
}

/// Why a desired VM is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The domain belongs to a newer placement.
    #[error("the domain belongs to placement {}, newer than the desired {}", .has.0, .asked.0)]
    StaleEpoch {
        /// Written in the domain.
        has: PlacementEpoch,
        /// Desired.
        asked: PlacementEpoch,
    },
    /// A newer intent was carried out already.
    #[error("generation {} was carried out already; generation {} is older", .has.0, .asked.0)]
    StaleGeneration {
        /// Written in the domain.
        has: Generation,
        /// Desired.
        asked: Generation,
    },
    /// The disk would lose its end.
    #[error("a disk of {has} GiB cannot shrink to {asked} GiB")]
    DiskShrink {
        /// The disk now.
        has: u64,
        /// Desired.
        asked: u64,
    },
}

/// The one step that brings a VM closer to what it should be; `actual` is none when there is no domain.
#[must_use]
pub fn action(desired: &DesiredVm, actual: Option<&Actual>) -> Action {
    let Some(actual) = actual else {
        return if desired.power == DesiredPower::Absent {
            Action::Nothing
        } else {
            Action::Define
        };
    };
    if let Some(refusal) = refusal(desired, actual) {
        return Action::Refuse(refusal);
    }

    match (desired.power, actual.power) {
        (DesiredPower::Absent, _) => Action::Remove,
        (_, ActualPower::Busy) => Action::Wait,
        (DesiredPower::Stopped, ActualPower::Running | ActualPower::Paused) => Action::Stop,
        (DesiredPower::Stopped, _) => off(desired, actual),
        (DesiredPower::Running, ActualPower::Running | ActualPower::Paused) => on(desired, actual),
        (DesiredPower::Running, _) if desired.shape != actual.shape => Action::Reshape,
        (DesiredPower::Running, _) if actual.halted() && recorded(desired, actual) => Action::Nothing,
        (DesiredPower::Running, _) => Action::Start,
    }
}

fn on(desired: &DesiredVm, actual: &Actual) -> Action {
    if desired.shape != actual.shape || desired.reboots > actual.reboots {
        Action::Stop
    } else if actual.power == ActualPower::Paused {
        Action::Resume
    } else if !recorded(desired, actual) || actual.asked {
        Action::Record
    } else {
        Action::Nothing
    }
}

fn off(desired: &DesiredVm, actual: &Actual) -> Action {
    if desired.shape != actual.shape {
        Action::Reshape
    } else if recorded(desired, actual) {
        Action::Nothing
    } else {
        Action::Record
    }
}

fn refusal(desired: &DesiredVm, actual: &Actual) -> Option<Refusal> {
    if desired.epoch < actual.epoch {
        return Some(Refusal::StaleEpoch {
            has: actual.epoch,
            asked: desired.epoch,
        });
    }
    if desired.epoch == actual.epoch && desired.generation < actual.generation {
        return Some(Refusal::StaleGeneration {
            has: actual.generation,
            asked: desired.generation,
        });
    }
    let (has, asked) = (actual.shape.disk_gib, desired.shape.disk_gib);
    (desired.power != DesiredPower::Absent && asked < has).then_some(Refusal::DiskShrink { has, asked })
}

/// A reboot count that is behind a recorded one (a backup came back) is no news.
fn recorded(desired: &DesiredVm, actual: &Actual) -> bool {
    desired.epoch == actual.epoch && desired.generation == actual.generation && desired.reboots <= actual.reboots
}

impl Actual {
    /// Off by the guest's own will.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.power == ActualPower::OffByGuest && !self.asked
    }

    /// Why it is off; none when it is not off.
    #[must_use]
    pub fn stop_cause(&self) -> Option<StopCause> {
        match self.power {
            ActualPower::Running | ActualPower::Paused | ActualPower::Busy => None,
            _ if self.asked => Some(StopCause::Asked),
            ActualPower::OffByGuest => Some(StopCause::Guest),
            ActualPower::Off => Some(StopCause::Failed),
        }
    }

    /// What [`Action::Define`] leaves behind.
    #[must_use]
    pub fn defined(desired: &DesiredVm) -> Self {
        Self {
            epoch: desired.epoch,
            generation: Generation(0),
            reboots: desired.reboots,
            asked: true,
            shape: desired.shape,
            power: ActualPower::Off,
        }
    }

    /// What [`Action::Record`] writes. A domain that is off keeps `asked`: it is off because it should be.
    #[must_use]
    pub fn recorded(self, desired: &DesiredVm) -> Self {
        Self {
            epoch: desired.epoch,
            generation: desired.generation,
            reboots: self.reboots.max(desired.reboots),
            asked: self.stop_cause().is_some(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
