use actix_web::post;
use actix_web::web::Data;
use auth::AccessKind;
use auth::action::tenant_access;
use db::{Created, Outcome, Status};
use ids::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use crate::access::{NewAccess, operator};
use crate::api::operator_access::OperatorAccessView;
use crate::state::Identity;
use crate::store;

/// What an operator asks of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestTenantAccess {
    /// Whose content.
    pub tenant_id: TenantId,
    /// As what: `viewer`, `auditor` or `operator`.
    #[schema(example = "viewer")]
    pub role: String,
    /// Why. The tenant reads it, and it stands in its log.
    #[schema(
        example = "Ticket 4711: a machine that does not start",
        min_length = 3,
        max_length = 500
    )]
    pub reason: String,
    /// For how many minutes from the consent on.
    #[schema(example = 60, minimum = 15, maximum = 1440)]
    pub minutes: u16,
}

/// Asks for access to a tenant's content.
#[utoipa::path(
    operation_id = "request_tenant_access",
    tag = "operator-access",
    description = "Asks a tenant to be let into its content, with a reason, a role and an end. It waits a day for the tenant's \
                   consent; then requests with the operator's own token and the header `Yunshu-Operator-Access: <id>` are \
                   made in that tenant, each with an entry in its audit log. The request itself is in both logs. For people of \
                   the platform: needs `tenant_access.request`.",
    params(DryRun, Once),
    request_body(content = RequestTenantAccess, description = "What is asked for"),
    responses((status = 201, description = "Asked", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/operator-access")]
pub async fn request_tenant_access(
    ask: Change<tenant_access::Request, RequestTenantAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let (body, kind) = (&ask.body, AccessKind::Consent);
    let new = NewAccess::check(kind, body.tenant_id, (&body.reason, &body.role), body.minutes)?;
    let operator = operator(ask.caller())?;

    let mut tx = ask.begin(&identity.db).await?;
    let platform = tx.platform()?;

    let made = store::operator_access::insert(&mut tx, &platform, &new, operator).await?;
    tx.tell(&platform, made.tenant);

    let shown = OperatorAccessView::from_outside(&made);
    tx.finish(Status::Created, Created(shown)).await
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use ids::TenantId;
    use serde_json::{Value, json};

    use crate::testing::start;

    const PATH: &str = "/api/v1/system/operator-access";

    #[tokio::test]
    async fn t18_it_stands_in_both_logs_with_who_and_why() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.operator("root").await;
        let body = json!({"tenant_id": acme.id, "role": "viewer", "reason": "a broken disk", "minutes": 15});
        let dry = format!("{PATH}?dry_run=true");
        operator.client.post(&dry, body.clone()).await.expect(200);
        assert_eq!(test.dump("identity.operator_access").await, "");
        assert!(test.audit(&acme).await.is_empty());
        let made = operator
            .client
            .post_once(PATH, "k", body.clone())
            .await
            .expect(201)
            .json;
        let again = operator.client.post_once(PATH, "k", body).await.expect(201).json;
        assert_eq!((&made["state"], &made), (&json!("requested"), &again));
        let of = |tenant: TenantId| test.entries(tenant);
        let (theirs, mut ours) = (of(acme.id).await, of(PLATFORM).await);
        ours.retain(|entry| entry["action"] != "lookup_key.create");
        assert_eq!((theirs.len(), ours.len()), (1, 1), "{theirs:?} {ours:?}");
        let (theirs, ours) = (&theirs[0], &ours[0]);
        assert_eq!(theirs["actor"], format!("operator:{}", operator.id));
        assert_eq!(ours["actor"], format!("user:{}", operator.id));
        for entry in [theirs, ours] {
            assert_eq!(entry["action"], "tenant_access.request");
            assert_eq!(entry["changes"]["reason"]["after"], "a broken disk");
            assert_eq!(
                entry["object"],
                format!("operator_access:{}", made["id"].as_str().unwrap())
            );
        }
    }

    #[tokio::test]
    async fn t18_no_great_role_no_unknown_tenant_and_no_machine() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.operator("root").await;
        let body = |tenant: TenantId, role: &str| json!({"tenant_id": tenant, "role": role, "reason": "because", "minutes": 15});
        for role in ["owner", "admin", "platform_operator", "nobody"] {
            let refused = operator.client.post(PATH, body(acme.id, role)).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/role");
        }
        operator.client.post(PATH, body(PLATFORM, "viewer")).await.expect(400);
        operator
            .client
            .post(PATH, body(TenantId::mint(), "viewer"))
            .await
            .expect(404);
        let mut extra = body(acme.id, "viewer");
        extra["operator"] = Value::from("somebody else");
        operator.client.post(PATH, extra).await.expect(400);
        for role in [Role::Owner, Role::PlatformOperator] {
            let stranger = test.client.caller(&acme.caller(role));
            stranger.post(PATH, body(acme.id, "viewer")).await.expect(403);
        }
    }
}
