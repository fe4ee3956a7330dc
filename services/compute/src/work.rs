//! What happens later: one reconciler per file.

use std::sync::Arc;

use web::Tasks;

use crate::service::Compute;

/// Starts every reconciler of the service.
pub fn start(tasks: &Tasks, compute: &Arc<Compute>) {
    let _ = (tasks, compute);
}
