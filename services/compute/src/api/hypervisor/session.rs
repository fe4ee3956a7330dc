use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::host;
use auth::{Action, PLATFORM};
use db::{AuditEvent, AuditOutcome, Reason, SystemTx};
use host_api::{Session, StartSession};
use ids::{EventId, HostId};
use serde_json::{Value, json};
use web::{AsCertificate, Refusals};

use super::speaker;
use crate::check::Check;
use crate::host::enrolment::check_version;
use crate::state::Compute;
use crate::store;

/// How many waiting machines are tried at once when a host comes up.
const HURRIED: i64 = 64;

/// Starts a session of a host.
#[utoipa::path(
    operation_id = "start_host_session",
    tag = "hypervisor",
    description = "Says that the hypervisor's process has started. Whatever process spoke for the host before is stale from \
                   now on.",
    request_body(content = StartSession, description = "What the host has now"),
    responses((status = 200, description = "The session's epoch", body = Session), Refusals),
    security(("mtls" = [])),
)]
#[post("/hypervisor/session")]
pub async fn start_host_session(
    ask: AsCertificate<StartSession>,
    compute: Data<Compute>,
) -> Result<Json<Session>, fault::Error> {
    check(&ask.body)?;

    let mut tx = compute.db.system(Reason::Host).await?;
    let speaker = speaker(&mut tx, &ask.fingerprint).await?;
    if speaker.simulated != ask.body.simulated {
        return disguised(tx, &ask, speaker.host).await;
    }

    let (before, told) = store::host_reports::start(&mut tx, speaker.host, &ask.body).await?;
    // There may be room for who waits.
    store::placements::hurry(&mut tx, HURRIED).await?;
    let changes = db::difference(Some(&json!(before)), Some(&json!(told)));
    let started = entry(&ask, &tx, speaker.host, AuditOutcome::Success, changes);
    tx.record(PLATFORM, &started)?;

    tx.commit().await?;
    let session = told.session(speaker.host);
    tracing::info!(host = %session.host_id, epoch = session.epoch.0, "a hypervisor has started");
    Ok(Json(session))
}

async fn disguised(
    mut tx: SystemTx,
    ask: &AsCertificate<StartSession>,
    host: HostId,
) -> Result<Json<Session>, fault::Error> {
    let detail = "A real host stays real and a simulated one simulated; enrol it anew instead.";
    let refused = fault::Error::conflict(detail);
    let why = json!({"code": refused.kind().row().code, "simulated": ask.body.simulated});
    let denied = entry(ask, &tx, host, AuditOutcome::Denied, why);
    tx.record(PLATFORM, &denied)?;
    tx.commit().await?;
    Err(refused)
}

/// In the platform's own log: a host belongs to no tenant, and it speaks for itself.
fn entry(
    ask: &AsCertificate<StartSession>,
    tx: &SystemTx,
    host: HostId,
    outcome: AuditOutcome,
    changes: Value,
) -> AuditEvent {
    let itself = format!("host:{host}");
    AuditEvent {
        id: EventId::mint(),
        time: tx.now(),
        actor: itself.clone(),
        credential: None,
        action: host::Start::INFO.name.to_owned(),
        object: itself,
        outcome,
        ip: ask.origin.address,
        request_id: ask.origin.request,
        changes,
    }
}

fn check(ask: &StartSession) -> Result<(), fault::Error> {
    let mut check = Check::default();
    for (pointer, text) in [
        ("/boot_id", &ask.boot_id),
        ("/libvirt_version", &ask.libvirt_version),
        ("/agent_version", &ask.agent_version),
    ] {
        check_version(&mut check, pointer, text);
    }
    check.done()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{session, sha256, start};

    const PATH: &str = "/api/v1/hypervisor/session";

    #[tokio::test]
    async fn every_start_is_newer_and_brings_what_the_host_has() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        let first = machine.post(PATH, session()).await.expect(200);
        assert_eq!(
            (&first.json["epoch"], &first.json["host_id"]),
            (&json!(1), &json!(host.id))
        );
        let mut grown = session();
        grown["capacity"]["vcpus"] = json!(16);
        grown["domain_type"] = json!("kvm");
        assert_eq!(machine.post(PATH, grown).await.expect(200).json["epoch"], 2);
        let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(
            (&seen.json["physical"]["vcpus"], &seen.json["domain_type"]),
            (&json!(16), &json!("kvm"))
        );
        assert_eq!(
            (&seen.json["status"], &seen.json["agent_version"]),
            (&json!("up"), &json!("0.1.0"))
        );
    }

    #[tokio::test]
    async fn every_start_is_in_the_platforms_log_and_so_is_a_disguise() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        machine.post(PATH, session()).await.expect(200);
        let mut grown = session();
        grown["capacity"]["vcpus"] = json!(16);
        machine.post(PATH, grown).await.expect(200);
        let mut real = session();
        real["simulated"] = json!(false);
        machine.post(PATH, real).await.expect(409);

        let log = test.entries(auth::PLATFORM).await;
        let itself = format!("host:{}", host.id);
        for entry in &log {
            assert_eq!(
                (&entry["action"], &entry["actor"], &entry["object"], &entry["ip"]),
                (
                    &json!("host.start"),
                    &json!(itself),
                    &json!(itself),
                    &json!("127.0.0.1")
                )
            );
        }
        let outcomes: Vec<_> = log.iter().map(|entry| &entry["outcome"]).collect();
        assert_eq!(outcomes, ["success", "success", "denied"]);
        assert_eq!(
            log[1]["changes"],
            json!({"epoch": {"before": 1, "after": 2}, "vcpus": {"before": 4, "after": 16}})
        );
        assert_eq!(log[2]["changes"], json!({"code": "conflict", "simulated": false}));
        assert_eq!(
            machine.post(PATH, session()).await.expect(200).json["epoch"],
            3,
            "the disguise counted for nothing"
        );
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_recorded_does_not_happen() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        test.superuser("alter table bus.outbox add constraint full_log check (kind <> 'audit.recorded') not valid")
            .await;
        let refused = machine.post(PATH, session()).await;
        assert!(refused.status.is_server_error(), "{refused:?}");
        test.superuser("alter table bus.outbox drop constraint full_log").await;
        assert_eq!(machine.post(PATH, session()).await.expect(200).json["epoch"], 1);
    }

    #[tokio::test]
    async fn strangers_and_disguises_are_refused() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        test.certificate(&sha256(b"stranger"))
            .post(PATH, session())
            .await
            .expect(401);
        operator.post(PATH, session()).await.expect(401);
        let mut real = session();
        real["simulated"] = json!(false);
        let machine = test.certificate(&host.fingerprint);
        machine.post(PATH, real).await.expect(409);
        let mut strange = session();
        strange["boot_id"] = json!("a b");
        machine.post(PATH, strange).await.expect(400);
    }
}
