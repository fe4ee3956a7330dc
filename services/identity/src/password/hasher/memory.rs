use std::sync::{Mutex, PoisonError};

use argon2::{Block, Params};

/// What hashes are computed in, kept from one to the next. The system hands memory out page by page and clears each, which
/// adds a quarter to what a hash costs.
///
/// It keeps what was computed last. That is nothing which the hash that is kept in the database does not tell as well:
/// whoever could read it here still has to try passwords at the full cost.
pub struct Memory {
    blocks: usize,
    free: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    /// For hashes of this cost.
    pub const fn new(params: &Params) -> Self {
        Self {
            blocks: params.block_count(),
            free: Mutex::new(Vec::new()),
        }
    }

    /// Lends a piece that may hold what a former hash left in it. No more are kept than were lent at the same time.
    pub fn with<T>(&self, work: impl FnOnce(&mut Vec<Block>) -> T) -> T {
        let mut piece = self.free().pop().unwrap_or_default();
        let done = work(&mut piece);
        // A kept hash of another cost may have needed more.
        piece.truncate(self.blocks);
        piece.shrink_to(self.blocks);
        self.free().push(piece);
        done
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
