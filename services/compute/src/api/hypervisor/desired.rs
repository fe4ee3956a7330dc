use std::time::Duration;

use actix_web::get;
use actix_web::web::{Data, Json};
use db::Reason;
use host_api::{Desired, DesiredQuery, MAX_WAIT_MS};
use tokio::time::Instant;
use web::{AsCertificate, Empty, Refusals};

use super::{must_be_newest, speaker};
use crate::state::Compute;
use crate::store;

/// How long a change made by another process may stay unseen. One of this process is seen at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tells a host what should be on it.
#[utoipa::path(
    operation_id = "read_desired",
    tag = "hypervisor",
    description = "The complete set of machines that should be on the host. Waits until it differs from the revision the \
                   caller has, or until the time is up.",
    params(DesiredQuery),
    responses((status = 200, description = "The set", body = Desired), Refusals),
    security(("mtls" = [])),
)]
#[get("/hypervisor/desired")]
pub async fn read_desired(
    ask: AsCertificate<Empty, DesiredQuery>,
    compute: Data<Compute>,
) -> Result<Json<Desired>, fault::Error> {
    let query = &ask.query;
    let deadline = Instant::now() + Duration::from_millis(query.wait_ms.min(MAX_WAIT_MS));
    // It listens from before the first look, so no commit falls between a look and the wait after it.
    let mut news = compute.db.wake().listen();
    loop {
        let mut tx = compute.db.system(Reason::Host).await?;
        let speaker = speaker(&mut tx, &ask.fingerprint).await?;
        must_be_newest(&speaker, query.epoch)?;
        let known = query.revision.is_some_and(|revision| revision.0 == speaker.revision);
        let left = deadline.saturating_duration_since(Instant::now());
        if !known || left.is_zero() || compute.shutdown.is_cancelled() {
            return Ok(Json(
                store::host_reports::desired(&mut tx, speaker.host, speaker.revision).await?,
            ));
        }
        // A wait holds no connection.
        drop(tx);
        tokio::select! {
            () = news.wait(left.min(LOOK_EVERY)) => {}
            () = compute.shutdown.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use crate::testing::{session, sha256, start};

    const PATH: &str = "/api/v1/hypervisor/desired";

    #[tokio::test]
    async fn what_is_not_known_is_answered_at_once() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let start = Instant::now();
        let first = machine.get(&format!("{PATH}?epoch=1&wait_ms=30000")).await.expect(200);
        assert_eq!((&first.json["revision"], &first.json["vms"]), (&json!(1), &json!([])));
        machine
            .get(&format!("{PATH}?epoch=1&revision=7&wait_ms=30000"))
            .await
            .expect(200);
        machine.get(&format!("{PATH}?epoch=1&revision=1")).await.expect(200);
        assert!(start.elapsed() < Duration::from_secs(10), "nobody waited");
    }

    #[tokio::test]
    async fn it_waits_for_news_and_for_no_longer_than_asked() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let start = Instant::now();
        let same = machine
            .get(&format!("{PATH}?epoch=1&revision=1&wait_ms=300"))
            .await
            .expect(200);
        assert_eq!(same.json["revision"], 1);
        assert!(start.elapsed() >= Duration::from_millis(300), "it waited");

        let path = format!("{PATH}?epoch=1&revision=1&wait_ms=30000");
        let waiting = machine.get(&path);
        let changing = test.superuser("update compute.hosts set revision = revision + 1");
        let (news, ()) = tokio::join!(waiting, changing);
        assert_eq!(news.expect(200).json["revision"], 2);
        assert!(start.elapsed() < Duration::from_secs(20), "and not to the end");
    }

    #[tokio::test]
    async fn waiting_hosts_hold_no_connection() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let path = format!("{PATH}?epoch=1&revision=1&wait_ms=4000");
        // More than there are connections in the pool.
        let waiting = futures::future::join_all((0..30).map(|_| machine.get(&path)));
        let working = async {
            for _ in 0..10 {
                operator.get("/api/v1/system/hosts/one").await.expect(200);
            }
        };
        let (replies, ()) = tokio::join!(waiting, working);
        assert!(replies.iter().all(|reply| reply.status == 200));
    }

    #[tokio::test]
    async fn an_older_process_is_told_to_stop_even_while_it_waits() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let path = format!("{PATH}?epoch=1&revision=1&wait_ms=30000");
        let waiting = machine.get(&path);
        let newer = machine.post("/api/v1/hypervisor/session", session());
        let (zombie, newer) = tokio::join!(waiting, newer);
        assert_eq!(newer.expect(200).json["epoch"], 2);
        assert_eq!(zombie.expect(409).code(), host_api::STALE_SESSION);
    }

    #[tokio::test]
    async fn strangers_and_nonsense_are_refused() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        test.certificate(&sha256(b"stranger"))
            .get(&format!("{PATH}?epoch=1"))
            .await
            .expect(401);
        operator.get(&format!("{PATH}?epoch=1")).await.expect(401);
        let machine = test.certificate(&host.fingerprint);
        for bad in ["", "?epoch=x", "?epoch=1&host=other", "?epoch=1&wait_ms=-1"] {
            machine.get(&format!("{PATH}{bad}")).await.expect(400);
        }
    }
}
