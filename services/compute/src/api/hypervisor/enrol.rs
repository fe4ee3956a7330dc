use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::host;
use auth::{Action, Caller};
use db::{AuditEvent, AuditOutcome, Reason, SystemTx};
use host_api::{Enrol, Enrolled};
use ids::TenantId;
use serde_json::{Value, json};
use web::{AsCertificate, Refusals};

use crate::host::enrolment::{self, Claimed, NewHost, TokenDigest};
use crate::pool::Room;
use crate::state::Compute;
use crate::store;

/// Enrols a host.
#[utoipa::path(
    operation_id = "enrol_host",
    tag = "hypervisor",
    description = "Uses up a token and binds the caller's client certificate to a new host. The same token with the same \
                   certificate gets the same answer again; with another it is refused.",
    request_body(content = Enrol, description = "The token and what the host is"),
    responses((status = 200, description = "The host from now on", body = Enrolled), Refusals),
    security(("mtls" = [])),
)]
#[post("/hypervisor/enrol")]
pub async fn enrol_host(ask: AsCertificate<Enrol>, compute: Data<Compute>) -> Result<Json<Enrolled>, fault::Error> {
    enrolment::check(&ask.body)?;
    let token = enrolment::digest(&ask.body.token);

    let mut tx = compute.db.system(Reason::Host).await?;
    let Some(claimed) = store::enrolments::claim(&mut tx, &token).await? else {
        return again(tx, &token, &ask).await;
    };

    let host_id = store::hosts::insert(&mut tx, &new_host(&ask, &claimed))
        .await
        .map_err(taken)?;
    store::enrolments::bind(&mut tx, claimed.id, host_id).await?;
    let done = (AuditOutcome::Success, new_fields(&ask, &claimed));
    let enrolled = entry(&ask, &tx, claimed.tenant, format!("host:{host_id}"), done);
    tx.record(claimed.tenant, &enrolled)?;

    tx.commit().await?;
    Ok(Json(Enrolled { host_id }))
}

/// An answer that was lost is given again to the same certificate. Whoever else holds the token learns nothing (unknown,
/// used and expired are one), and whoever gave the permission learns of the try.
async fn again(
    mut tx: SystemTx,
    token: &TokenDigest,
    ask: &AsCertificate<Enrol>,
) -> Result<Json<Enrolled>, fault::Error> {
    if let Some(host_id) = store::enrolments::used_by(&mut tx, token, &ask.fingerprint).await? {
        return Ok(Json(Enrolled { host_id }));
    }
    if let Some((id, tenant)) = store::enrolments::issuer(&mut tx, token).await? {
        let why = json!({"code": "unauthenticated", "certificate_sha256": ask.fingerprint});
        let denied = entry(ask, &tx, tenant, format!("enrolment:{id}"), (AuditOutcome::Denied, why));
        tx.record(tenant, &denied)?;
        tx.commit().await?;
    }
    let refused = "This token is unknown, used or expired; ask for a new one.";
    Err(fault::Error::unauthenticated(refused))
}

fn new_host<'a>(ask: &'a AsCertificate<Enrol>, claimed: &Claimed) -> NewHost<'a> {
    NewHost {
        pool: claimed.pool,
        name: &ask.body.name,
        fingerprint: &ask.fingerprint,
        simulated: ask.body.simulated,
        domain_type: ask.body.domain_type,
        libvirt_version: &ask.body.libvirt_version,
        physical: Room::of(&ask.body.capacity),
    }
}

/// The token stays unused: the transaction ends without a commit.
fn taken(error: db::Error) -> fault::Error {
    match error {
        db::Error::Taken(constraint) if constraint == "hosts_fingerprint" => {
            fault::Error::conflict("This certificate belongs to a host already; remove that host or make a new key.")
        }
        other => other.taken("host"),
    }
}

/// In the audit log of whoever gave the permission: the host acts by their leave.
fn entry(
    ask: &AsCertificate<Enrol>,
    tx: &SystemTx,
    tenant: TenantId,
    object: String,
    (outcome, changes): (AuditOutcome, Value),
) -> AuditEvent {
    let caller = Caller::worker(tenant, "enrolment");
    let event = AuditEvent::of(&caller, tx.now(), host::Enrol::INFO.name, object, outcome, changes);
    AuditEvent {
        ip: ask.origin.address,
        request_id: ask.origin.request,
        ..event
    }
}

fn new_fields(ask: &AsCertificate<Enrol>, claimed: &Claimed) -> Value {
    let after = json!({
        "name": ask.body.name, "pool_id": claimed.pool, "simulated": ask.body.simulated,
        "certificate_sha256": ask.fingerprint, "enrolment": claimed.id, "permitted_by": claimed.issuer,
    });
    db::difference(None, Some(&after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use testkit::{ROUNDS, race};

    use super::*;
    use crate::testing::{enrol, sha256, start};

    const PATH: &str = "/api/v1/hypervisor/enrol";

    #[tokio::test]
    async fn t53_twenty_uses_of_one_token_make_one_host() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        let token = test.token(&operator, "fast").await;
        let uses = (0..20).map(|n: u8| {
            let (machine, token) = (test.certificate(&sha256(&[n])), token.clone());
            async move { machine.post(PATH, enrol(&token, &format!("host-{n}"))).await }
        });
        let replies = futures::future::join_all(uses).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(401)), (1, 19), "{replies:?}");
        let hosts = operator.get("/api/v1/system/hosts").await.expect(200);
        assert_eq!(hosts.json["items"].as_array().unwrap().len(), 1);
        let entries = test.audit(&tenant).await;
        let enrolled = entries
            .iter()
            .filter(|entry| **entry == ("host.enrol".to_owned(), "success".to_owned()));
        assert_eq!(enrolled.count(), 2, "the permission and its use: {entries:?}");
        let denied = entries
            .iter()
            .filter(|entry| **entry == ("host.enrol".to_owned(), "denied".to_owned()));
        assert_eq!(denied.count(), 19, "every other try is known: {entries:?}");
    }

    /// Without `used_at is null` in `store::enrolments::claim` each of them claims it.
    #[tokio::test]
    async fn t53_of_fifty_who_claim_a_token_one_does_a_thousand_times() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        // Makes the pool.
        test.token(&test.operator(&tenant), "fast").await;
        let mut sql = test.bench.superuser().await;
        let db = test.bench.crowd("compute");
        for round in 0..ROUNDS {
            let token = enrolment::Token::make().digest();
            sqlx::query(
                "insert into compute.enrolments (enrolment_id, pool_id, token_sha256, issuer_tenant, issuer, expires_at,
                                                 created_at, updated_at)
                 select gen_random_uuid(), pool_id, $1, $2, 'user:x', now() + interval '15 minutes', now(), now()
                 from compute.pools",
            )
            .bind(token.as_slice())
            .bind(tenant.id)
            .execute(&mut sql)
            .await
            .unwrap();
            let claimed = race(
                async || db.system(Reason::Host).await.unwrap(),
                async |mut tx| {
                    let claimed = store::enrolments::claim(&mut tx, &token).await.unwrap().is_some();
                    if claimed {
                        tx.commit().await.unwrap();
                    }
                    claimed
                },
            );
            let winners = claimed.await.into_iter().filter(|claimed| *claimed).count();
            assert_eq!(winners, 1, "round {round}");
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_given_again_to_the_same_certificate_alone() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let token = test.token(&operator, "fast").await;
        let machine = test.certificate(&sha256(b"a"));
        let first = machine.post(PATH, enrol(&token, "one")).await.expect(200);
        let again = machine.post(PATH, enrol(&token, "one")).await.expect(200);
        assert_eq!(first.json, again.json);
        let thief = test
            .certificate(&sha256(b"b"))
            .post(PATH, enrol(&token, "two"))
            .await
            .expect(401);
        let guess = test
            .certificate(&sha256(b"b"))
            .post(PATH, enrol("yhe_guess", "two"))
            .await
            .expect(401);
        assert_eq!(
            thief.json["detail"], guess.json["detail"],
            "used and unknown read the same"
        );
    }

    #[tokio::test]
    async fn t53_an_expired_token_opens_nothing() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let token = test.token(&operator, "fast").await;
        test.superuser("update compute.enrolments set expires_at = now()").await;
        test.certificate(&sha256(b"a"))
            .post(PATH, enrol(&token, "one"))
            .await
            .expect(401);
        let seen = operator.get("/api/v1/system/hosts/enrolments").await.expect(200);
        assert_eq!(seen.json["items"][0]["status"], "expired");
    }

    #[tokio::test]
    async fn a_refused_name_or_certificate_leaves_the_token_unused() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let token = test.token(&operator, "fast").await;
        let fresh = test.certificate(&sha256(b"fresh"));
        assert_eq!(
            fresh.post(PATH, enrol(&token, "one")).await.expect(409).code(),
            "already_exists"
        );
        let twice = test
            .certificate(&host.fingerprint)
            .post(PATH, enrol(&token, "two"))
            .await
            .expect(409);
        assert_eq!(twice.code(), "conflict");
        fresh.post(PATH, enrol(&token, "two")).await.expect(200);
    }

    #[tokio::test]
    async fn only_a_certificate_enrols_and_only_with_good_words() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let token = test.token(&operator, "fast").await;
        operator.post(PATH, enrol(&token, "one")).await.expect(401);
        test.client.post(PATH, enrol(&token, "one")).await.expect(401);
        let machine = test.certificate(&sha256(b"a"));
        for name in ["", "A", "a.b", "-", "a/b", &"a".repeat(64)] {
            machine.post(PATH, enrol(&token, name)).await.expect(400);
        }
        let mut body = enrol(&token, "one");
        body["tenant_id"] = json!("x");
        machine.post(PATH, body).await.expect(400);
        machine.post(PATH, enrol(&token, "one")).await.expect(200);
    }
}
