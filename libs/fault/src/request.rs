//! The request an error belongs to.
//!
//! An error is made deep inside, where no request is at hand. The server's middleware puts the request id around the
//! whole handling of a request; it lives in that task alone, so one request's id can never show in another's answer.

use ids::RequestId;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Runs `work` as part of request `id`.
pub async fn scope<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The request this task is working on.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(|id| *id).ok()
}
