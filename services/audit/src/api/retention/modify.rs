use actix_web::put;
use actix_web::web::Data;
use auth::action::audit_retention;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::AuditRetentionView;
use crate::retention::check_days;
use crate::state::Audit;
use crate::store;

/// What to decide.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyAuditRetention {
    /// So many days.
    #[schema(example = 365, minimum = 180, maximum = 36500)]
    pub days: i64,
}

/// Decides how long the audit log keeps what its entries tell.
#[utoipa::path(
    operation_id = "modify_audit_retention",
    tag = "audit",
    description = "Of entries older than that, what changed and the address are erased for good; who, what, when and with which \
                   end stay, and so does every proof. Half a year is the least. While a legal hold is on, nothing is erased. \
                   Send the `ETag` last read as `If-Match`. Needs `audit_retention.modify` and a factor shown of late.",
    params(DryRun, IfMatch),
    request_body(content = ModifyAuditRetention, description = "What to decide"),
    responses((status = 200, description = "What is decided now", body = AuditRetentionView), Refusals),
    security(("bearer" = [])),
)]
#[put("/audit/retention")]
pub async fn modify_audit_retention(
    ask: Change<audit_retention::Modify, ModifyAuditRetention>,
    audit: Data<Audit>,
) -> Outcome<AuditRetentionView> {
    let days = check_days(ask.body.days)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    store::retention::hold(&mut tx, &tenant).await?;
    let before = store::retention::read(&mut tx, &tenant).await?;
    let before = AuditRetentionView::of(&mut tx, &tenant, before).await?;
    tx.must_match(&before)?;

    let after = store::retention::set(&mut tx, &tenant, days).await?;
    let after = AuditRetentionView::of(&mut tx, &tenant, after).await?;
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/audit/retention";

    #[tokio::test]
    async fn it_is_a_year_until_somebody_decides_and_less_than_half_a_year_is_refused() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        let before = owner.get(PATH).await.expect(200);
        assert_eq!(
            (&before.json["days"], &before.json["updated_at"]),
            (&json!(365), &json!(null))
        );
        let put = async |etag: &str, body| {
            owner
                .send(
                    owner
                        .request(reqwest::Method::PUT, PATH)
                        .header("if-match", etag)
                        .json(&body),
                )
                .await
        };
        for days in [-1, 0, 179, 36_501] {
            let refused = put("*", json!({"days": days})).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/days", "{days}");
        }
        let told = put("*", json!({"days": 179})).await.text;
        assert!(told.contains("8.1.5"), "{told}");
        put("*", json!({"days": 200, "more": 1})).await.expect(400);
        let after = put(before.header("etag"), json!({"days": 180})).await.expect(200);
        assert_eq!(after.json["days"], 180);
        put(before.header("etag"), json!({"days": 400})).await.expect(412);
        assert_eq!(owner.get(PATH).await.expect(200).json["days"], 180);
        let entry = test.bench.audit(tenant.id).await;
        assert!(
            entry.contains(&("audit_retention.modify".to_owned(), "success".to_owned())),
            "{entry:?}"
        );
    }

    #[tokio::test]
    async fn t01_each_tenant_decides_for_itself_and_only_owners_and_auditors() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let owner = test.owner(&mine);
        let put = owner
            .request(reqwest::Method::PUT, PATH)
            .header("if-match", "*")
            .json(&json!({"days": 200}));
        owner.send(put).await.expect(200);
        let auditor = test.client.caller(&theirs.caller(Role::Auditor));
        assert_eq!(auditor.get(PATH).await.expect(200).json["days"], 365);
        for role in [Role::Admin, Role::Viewer, Role::SecurityAdministrator] {
            test.client.caller(&mine.caller(role)).get(PATH).await.expect(403);
        }
    }
}
