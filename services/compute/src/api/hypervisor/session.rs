use actix_web::post;
use actix_web::web::{Data, Json};
use db::Reason;
use host_api::{Session, StartSession};
use web::{AsCertificate, Refusals};

use super::speaker;
use crate::check::Check;
use crate::host::enrolment::check_version;
use crate::service::Compute;
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
        let detail = "A real host stays real and a simulated one simulated; enrol it anew instead.";
        return Err(fault::Error::conflict(detail));
    }

    let session = store::host_reports::start(&mut tx, speaker.host, &ask.body).await?;
    // There may be room for who waits.
    store::placements::hurry(&mut tx, HURRIED).await?;

    tx.commit().await?;
    tracing::info!(host = %speaker.host, epoch = session.epoch.0, "a hypervisor has started");
    Ok(Json(session))
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
