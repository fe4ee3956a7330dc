//! The status as a function of intent and observation.
//!
//! Nothing stores "the" status and nothing walks it from state to state: whoever asks gets it computed from what is
//! wanted, where the machine stands and what its host last said. A crash between two writes can therefore leave a
//! machine late, never in a state that no code leads out of. Whatever a silent host last said is not repeated as if it
//! were so: the status is then `unknown`, and the machine is *not* started elsewhere, because a host that cannot be heard
//! may well be running it (a second copy would write to the same addresses and disks).

use host_api::{DesiredPower, ErrorCode, ObservedPower, StopCause};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Host, Intent, Seat, Seen};

/// A host that said nothing for so long is not believed any more. Seconds: six
/// reports in a row were missed ([`host_api::REPORT_EVERY_S`]).
pub const SILENT_AFTER_S: f64 = 30.0;

/// What may be said of a machine. New words may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits for a host with room.
    Queued,
    /// A host is being chosen.
    Placing,
    /// Its host makes it.
    Building,
    /// It is off and is being switched on.
    Starting,
    /// It is on.
    Running,
    /// It is on and is being rebooted.
    Rebooting,
    /// It is on and is being switched off.
    Stopping,
    /// It is off.
    Stopped,
    /// It is going.
    Deleting,
    /// What was wanted was given up; `last_error` says why. Starting it again tries again.
    Failed,
    /// Its host cannot be heard, or cannot tell.
    Unknown,
}

impl Status {
    /// Every status.
    #[cfg(test)]
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Placing,
        Self::Building,
        Self::Starting,
        Self::Running,
        Self::Rebooting,
        Self::Stopping,
        Self::Stopped,
        Self::Deleting,
        Self::Failed,
        Self::Unknown,
    ];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Placing => "placing",
            Self::Building => "building",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Rebooting => "rebooting",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// What becomes of an intent after the host reported an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The host goes on trying, ever more slowly, until the intent is given up by time.
    TryAgain,
    /// Trying again cannot help: it is given up at once.
    Hopeless,
}

impl Fate {
    /// The fate of an intent that met this error.
    pub const fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ImageCorrupt | ErrorCode::DiskShrink | ErrorCode::ForeignDomain => Self::Hopeless,
            ErrorCode::ImageUnavailable
            | ErrorCode::DiskFailed
            | ErrorCode::DefineFailed
            | ErrorCode::StartFailed
            | ErrorCode::StopFailed
            | ErrorCode::RemoveFailed
            | ErrorCode::StaleIntent
            | ErrorCode::LibvirtUnavailable
            | ErrorCode::Internal => Self::TryAgain,
        }
    }
}

impl Host {
    fn silent(&self) -> bool {
        self.silent_s.is_none_or(|seconds| seconds > SILENT_AFTER_S)
    }
}

pub(super) fn reached(intent: &Intent, seen: Option<&Seen>) -> bool {
    seen.is_some_and(|seen| seen.power != ObservedPower::Unknown && seen.generation >= intent.generation)
}

pub(super) fn status(intent: &Intent, seat: &Seat, seen: Option<&Seen>) -> Status {
    // A machine on its way out is that, whatever else is known of it.
    if intent.power == DesiredPower::Absent {
        return Status::Deleting;
    }
    let Some(host) = &seat.host else {
        return match (intent.given_up, seat.claimed) {
            (true, _) => Status::Failed,
            (false, true) => Status::Placing,
            (false, false) => Status::Queued,
        };
    };
    if host.silent() {
        return Status::Unknown;
    }
    match seen {
        Some(seen) if reached(intent, Some(seen)) => settled(intent, seen),
        _ if intent.given_up => Status::Failed,
        Some(seen) if seen.generation > 0 => on_the_way(intent, seen),
        // No intent was ever carried out here: it is still being made.
        _ => Status::Building,
    }
}

/// The host has carried out the intent; what it is now may have changed since.
fn settled(intent: &Intent, seen: &Seen) -> Status {
    match (intent.power, seen.power) {
        (_, ObservedPower::Running) => Status::Running,
        // The guest switched itself off, and stays off until its owner says otherwise.
        (DesiredPower::Running, ObservedPower::Stopped) if seen.stop_cause != Some(StopCause::Guest) => {
            Status::Starting
        }
        (_, ObservedPower::Stopped) => Status::Stopped,
        // Its domain was taken away behind our back; the host makes it anew.
        (_, ObservedPower::Absent) => Status::Building,
        (_, ObservedPower::Unknown) => Status::Unknown,
    }
}

fn on_the_way(intent: &Intent, seen: &Seen) -> Status {
    match (intent.power, seen.power) {
        // The present intent was carried out once, and now the host cannot tell.
        (_, ObservedPower::Unknown) if seen.generation >= intent.generation => Status::Unknown,
        (DesiredPower::Stopped, _) => Status::Stopping,
        (DesiredPower::Running, ObservedPower::Stopped) => Status::Starting,
        (DesiredPower::Running, _) if intent.reboots > seen.reboots => Status::Rebooting,
        // Switched on again while it never went off: nothing to see.
        (DesiredPower::Running, ObservedPower::Running) => Status::Running,
        (DesiredPower::Running, ObservedPower::Absent) => Status::Building,
        (DesiredPower::Running, ObservedPower::Unknown) => Status::Starting,
        (DesiredPower::Absent, _) => Status::Deleting,
    }
}

#[cfg(test)]
mod tests;
