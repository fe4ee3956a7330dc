use std::sync::Arc;

/// The places between two commits at which a worker can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Machines are claimed, nothing is decided.
    Claimed,
    /// It is decided where, nothing is written.
    Decided,
    /// Room is claimed and the machine seated, not committed.
    Seating,
    /// A placement is committed, the rest of the batch is not begun.
    Placed,
    /// "No room" is committed.
    Refused,
    /// What is gone is known, nothing is removed.
    Found,
    /// Row, room and quota are given back, not committed.
    Removing,
    /// A removal is committed.
    Removed,
    /// What is overdue is known, nothing is given up.
    Overdue,
    /// Giving up is committed.
    GivenUp,
    /// The lease is taken, nobody is told.
    Leased,
    /// An owner is told.
    Told,
}

/// Where tests stop a worker dead. In production nothing stops it.
///
/// An error at a point is what a crash there leaves behind: the worker's memory is gone, open transactions are rolled back,
/// and the next round knows only what the database knows.
#[derive(Clone, Default)]
pub struct Stops(Option<Arc<dyn Fn(Point) -> bool + Send + Sync>>);

/// The worker was stopped by a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped at {0:?}")]
pub struct Stopped(pub Point);

impl From<Stopped> for fault::Error {
    fn from(stopped: Stopped) -> Self {
        Self::internal(stopped)
    }
}

impl Stops {
    /// Stops wherever the hook says so.
    #[cfg(test)]
    pub fn when(hook: impl Fn(Point) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Passes a point, or dies there.
    pub fn pass(&self, point: Point) -> Result<(), Stopped> {
        match &self.0 {
            Some(stop) if stop(point) => Err(Stopped(point)),
            _ => Ok(()),
        }
    }
}
