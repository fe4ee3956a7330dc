use actix_web::post;
use actix_web::web::Data;
use auth::action::audit_hold;
use db::{Created, Outcome, Status};
use fault::Kind;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::AuditHoldView;
use crate::retention::NewHold;
use crate::state::Audit;
use crate::store;

/// More are not on at the same time.
const MOST: i64 = 100;

/// A hold to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAuditHold {
    /// What it is called.
    #[schema(example = "Case 2026-17", min_length = 1, max_length = 100)]
    pub name: String,
    /// Why it is.
    #[schema(example = "Asked for by the court", min_length = 1, max_length = 1000)]
    pub reason: String,
}

/// Puts the audit log under a legal hold.
#[utoipa::path(
    operation_id = "create_audit_hold",
    tag = "audit",
    description = "From the answer on nothing is erased from the tenant's log, however old, until every hold is lifted. 409 when \
                   100 are on. Needs `audit_hold.create`.",
    params(DryRun, Once),
    request_body(content = CreateAuditHold, description = "The hold to be"),
    responses((status = 201, description = "It is on", body = AuditHoldView), Refusals),
    security(("bearer" = [])),
)]
#[post("/audit/holds")]
pub async fn create_audit_hold(
    ask: Change<audit_hold::Create, CreateAuditHold>,
    audit: Data<Audit>,
) -> Outcome<AuditHoldView> {
    let new = NewHold::check(&ask.body.name, &ask.body.reason)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    // What is being erased is waited for; from then on nothing is.
    store::retention::hold(&mut tx, &tenant).await?;
    if store::retention::holds_on(&mut tx, &tenant).await? >= MOST {
        let detail = format!("{MOST} holds are on: lift one that is no longer needed.");
        return Err(fault::Error::new(Kind::Conflict, detail).into());
    }

    let hold = store::retention::insert(&mut tx, &tenant, &new).await?;

    tx.finish(Status::Created, Created(AuditHoldView::from(hold))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{column, start};

    const PATH: &str = "/api/v1/audit/holds";

    #[tokio::test]
    async fn a_hold_is_set_listed_and_lifted_once_and_each_is_an_entry() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let auditor = test.client.caller(&tenant.caller(Role::Auditor));
        let first = auditor
            .post(PATH, json!({"name": "one", "reason": "a court"}))
            .await
            .expect(201);
        auditor
            .post(PATH, json!({"name": "two", "reason": "another"}))
            .await
            .expect(201);
        assert_eq!(
            auditor.get("/api/v1/audit/retention").await.expect(200).json["holds"],
            2
        );
        let lift = format!("{PATH}/{}:lift", first.json["id"].as_str().unwrap());
        let lifted = auditor.post(&lift, json!({})).await.expect(200);
        assert!(lifted.json["lifted_at"].is_string() && lifted.json["lifted_by"].is_string());
        auditor.post(&lift, json!({})).await.expect(409);
        let page = auditor.get(&format!("{PATH}?limit=1")).await.expect(200);
        assert_eq!(column(&page, "name"), ["two"]);
        let token = page.json["next_page"].as_str().unwrap();
        let rest = auditor.get(&format!("{PATH}?page_token={token}")).await.expect(200);
        assert_eq!(column(&rest, "name"), ["one"]);
        let entries = test.bench.audit(tenant.id).await;
        let of = |action: &str| {
            entries
                .iter()
                .filter(|entry| entry.0 == action && entry.1 == "success")
                .count()
        };
        assert_eq!((of("audit_hold.create"), of("audit_hold.lift")), (2, 1));
    }

    #[tokio::test]
    async fn t01_anothers_hold_reads_like_none_and_what_cannot_be_is_refused() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let hold = test
            .owner(&theirs)
            .post(PATH, json!({"name": "one", "reason": "x"}))
            .await
            .expect(201);
        let me = test.owner(&mine);
        let foreign = format!("{PATH}/{}:lift", hold.json["id"].as_str().unwrap());
        let foreign = me.post(&foreign, json!({})).await.expect(404);
        let absent = format!("{PATH}/{}:lift", ids::AuditHoldId::mint());
        assert_eq!(
            foreign.without_request(),
            me.post(&absent, json!({})).await.expect(404).without_request()
        );
        assert_eq!(me.get(PATH).await.expect(200).json["items"], json!([]));
        for bad in [
            json!({"name": "", "reason": "x"}),
            json!({"name": "x"}),
            json!({"name": "x", "reason": "x".repeat(1_001)}),
        ] {
            me.post(PATH, bad).await.expect(400);
        }
        let admin = test.client.caller(&mine.caller(Role::Admin));
        admin.post(PATH, json!({"name": "x", "reason": "x"})).await.expect(403);
        admin.get(PATH).await.expect(403);
    }
}
