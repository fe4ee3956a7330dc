use actix_web::post;
use actix_web::web::{Data, Json};
use db::{Db, Reason};
use host_api::{Accepted, MAX_DETAIL, Observed, ObservedVm};
use ids::VmId;
use web::{AsCertificate, Refusals};

use super::{speaker, stale};
use crate::check::Check;
use crate::state::Compute;
use crate::store;

/// An epoch above this is no count of starts.
const LAST_EPOCH: i64 = 1 << 48;

/// Takes a host's report.
#[utoipa::path(
    operation_id = "report_observed",
    tag = "hypervisor",
    description = "What the host sees: the heartbeat, how busy it is, and the state of every machine on it. Answers how far \
                   each console is known and which domains must go.",
    request_body(content = Observed, description = "What the host sees"),
    responses((status = 200, description = "Taken", body = Accepted), Refusals),
    security(("mtls" = [])),
)]
#[post("/hypervisor/observed")]
pub async fn report_observed(
    ask: AsCertificate<Observed>,
    compute: Data<Compute>,
) -> Result<Json<Accepted>, fault::Error> {
    check(&ask.body)?;
    ask_for_keys(&compute.db, &ask.body.vms).await?;

    let mut tx = compute.db.system(Reason::Host).await?;
    let host = speaker(&mut tx, &ask.fingerprint).await?.host;
    if !store::host_reports::heartbeat(&mut tx, host, &ask.body).await? {
        return Err(stale());
    }

    let accepted = store::observations::apply(&mut tx, host, &ask.body.vms).await?;

    tx.commit().await?;
    Ok(Json(accepted))
}

/// Has the keys at hand with which consoles are kept: inside the transaction nobody is asked for them.
pub(crate) async fn ask_for_keys(db: &Db, report: &[ObservedVm]) -> Result<(), fault::Error> {
    let printing = report.iter().filter(|seen| seen.console.is_some());
    let printing: Vec<VmId> = printing.map(|seen| seen.vm_id).collect();
    if printing.is_empty() {
        return Ok(());
    }
    let mut tx = db.system(Reason::Host).await?;
    let owners = store::consoles::owners(&mut tx, &printing).await?;
    drop(tx);
    let unheld = owners.into_iter().filter(|tenant| !db.holds_keys(*tenant)).collect();
    // Without them the console waits, and the rest of the report counts.
    match db.gather_keys(unheld).await {
        Ok(away) if away.is_empty() => {}
        Ok(away) => tracing::warn!(?away, "consoles wait for their tenants' keys"),
        Err(error) => tracing::warn!(%error, "consoles wait for their tenants' keys"),
    }
    Ok(())
}

fn check(report: &Observed) -> Result<(), fault::Error> {
    let mut check = Check::default();
    check.that(
        (1..=LAST_EPOCH).contains(&report.epoch.0),
        "/epoch",
        "must be the epoch of a session",
    );
    check.that(
        report.usage.cpu_percent.is_finite(),
        "/usage/cpu_percent",
        "must be a number",
    );
    let errors = report
        .error
        .iter()
        .chain(report.vms.iter().filter_map(|vm| vm.error.as_ref()));
    let short = errors.into_iter().all(|error| error.detail.len() <= MAX_DETAIL);
    check.that(short, "/error/detail", "must be at most 1024 bytes long");
    for vm in &report.vms {
        let streams = vm.console.iter().all(|chunk| chunk.stream.len() <= 64);
        check.that(streams, "/vms/console/stream", "must be at most 64 characters long");
    }
    check.done()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{session, sha256, start};

    const PATH: &str = "/api/v1/hypervisor/observed";

    fn report(epoch: i64) -> Value {
        let usage = json!({"cpu_percent": 12.5, "memory_used_mib": 2048, "disk_used_gib": 40});
        json!({"epoch": epoch, "revision": 1, "vms": [], "usage": usage, "error": null})
    }

    #[tokio::test]
    async fn a_heartbeat_makes_the_host_heard() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let taken = machine.post(PATH, report(1)).await.expect(200);
        assert_eq!(taken.json, json!({"console": [], "remove": []}));
        let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(
            seen.json["usage"],
            json!({"cpu_percent": 12.5, "memory_used_mib": 2048, "disk_used_gib": 40})
        );
        assert_eq!(
            (&seen.json["status"], &seen.json["generation"]),
            (&json!("up"), &json!(1))
        );

        let mut broken = report(1);
        broken["error"] = json!({"code": "libvirt_unavailable", "detail": "no socket"});
        machine.post(PATH, broken).await.expect(200);
        let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(
            (&seen.json["status"], &seen.json["last_error"]["detail"]),
            (&json!("degraded"), &json!("no socket"))
        );

        test.superuser("update compute.hosts set heartbeat_at = now() - interval '31 seconds'")
            .await;
        let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(seen.json["status"], "unknown");
    }

    #[tokio::test]
    async fn an_older_process_is_told_to_stop_and_changes_nothing() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        assert_eq!(
            machine.post(PATH, report(1)).await.expect(409).code(),
            host_api::STALE_SESSION
        );
        let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(seen.json["usage"], json!(null));
        machine.post(PATH, report(2)).await.expect(200);
    }

    #[tokio::test]
    async fn after_a_restore_the_newest_process_is_believed_and_the_older_still_is_not() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        // The database forgot epochs 4 and 5.
        test.superuser("update compute.hosts set epoch = 3").await;
        machine.post(PATH, report(5)).await.expect(200);
        machine.post(PATH, report(4)).await.expect(409);
        assert_eq!(
            machine
                .post("/api/v1/hypervisor/session", session())
                .await
                .expect(200)
                .json["epoch"],
            6
        );
    }

    #[tokio::test]
    async fn strangers_and_nonsense_are_refused() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        test.certificate(&sha256(b"stranger"))
            .post(PATH, report(1))
            .await
            .expect(401);
        operator.post(PATH, report(1)).await.expect(401);
        let machine = test.certificate(&host.fingerprint);
        for epoch in [0, -1, i64::MAX] {
            machine.post(PATH, report(epoch)).await.expect(400);
        }
        let mut long = report(1);
        long["error"] = json!({"code": "internal", "detail": "x".repeat(1025)});
        machine.post(PATH, long).await.expect(400);
        let mut foreign = report(1);
        foreign["host_id"] = json!(host.id);
        machine.post(PATH, foreign).await.expect(400);
    }

    #[tokio::test]
    async fn numbers_out_of_all_bounds_are_no_fault_of_ours() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post("/api/v1/hypervisor/session", session()).await.expect(200);
        let mut wild = report(1);
        wild["usage"] = json!({"cpu_percent": -7e30, "memory_used_mib": u64::MAX, "disk_used_gib": u64::MAX});
        machine.post(PATH, wild).await.expect(200);
    }
}
