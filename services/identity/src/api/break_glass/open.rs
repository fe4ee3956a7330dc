use actix_web::post;
use actix_web::web::Data;
use auth::AccessKind;
use auth::action::break_glass;
use db::{Created, Outcome, Status};
use ids::TenantId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use crate::access::{EMERGENCY, NewAccess, operator};
use crate::api::operator_access::OperatorAccessView;
use crate::state::Identity;
use crate::store;

/// An emergency.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBreakGlass {
    /// Whose content.
    pub tenant_id: TenantId,
    /// Why it cannot wait for the tenant. The tenant reads it, and it stands in both logs.
    #[schema(example = "Machines on a failing host lose data", min_length = 3, max_length = 500)]
    pub reason: String,
    /// As what: `viewer`, `auditor` or `operator`.
    #[serde(default = "viewer")]
    #[schema(example = "viewer")]
    pub role: String,
}

fn viewer() -> String {
    "viewer".to_owned()
}

/// Opens an emergency.
#[utoipa::path(
    operation_id = "open_break_glass",
    tag = "operator-access",
    description = "Asks for an hour in a tenant's content without its consent. It opens nothing before another operator \
                   confirms. The tenant sees it at once, can end it at any time, and finds every call in its log, which for \
                   this kind stands in the platform's as well. For people of the platform: needs `break_glass.request` and a \
                   factor shown of late.",
    params(DryRun, Once),
    request_body(content = OpenBreakGlass, description = "Where and why"),
    responses((status = 201, description = "Asked; another operator must confirm", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/break-glass")]
pub async fn open_break_glass(
    ask: Change<break_glass::Request, OpenBreakGlass>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let (body, kind) = (&ask.body, AccessKind::BreakGlass);
    let new = NewAccess::check(kind, body.tenant_id, (&body.reason, &body.role), EMERGENCY)?;
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
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/system/break-glass";

    #[tokio::test]
    async fn t18_it_opens_nothing_alone_and_the_tenant_knows_at_once() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let access = operator.opens(&acme).await;
        let standing = test.access_standing(&access).await.unwrap();
        assert!(!standing.live, "{standing:?}");
        let seen = owner.client.get("/api/v1/operator-access").await.expect(200).json;
        let item = &seen["items"][0];
        assert_eq!(
            (&item["kind"], &item["state"], &item["minutes"], &item["role"]),
            (&json!("break_glass"), &json!("requested"), &json!(60), &json!("viewer"))
        );
        let said = ("break_glass.request".to_owned(), "success".to_owned());
        assert!(test.audit(&acme).await.contains(&said));
        assert!(test.bench.audit(PLATFORM).await.contains(&said));
    }

    #[tokio::test]
    async fn how_long_is_not_the_operators_to_say() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let operator = test.operator("root").await;
        let body = json!({"tenant_id": acme.id, "reason": "because", "minutes": 90});
        operator.client.post(PATH, body).await.expect(400);
        let body = json!({"tenant_id": acme.id, "reason": "because", "role": "admin"});
        operator.client.post(PATH, body).await.expect(400);
        let body = json!({"tenant_id": acme.id, "reason": "because"});
        let stale = test.stale_operator(&operator);
        assert_eq!(stale.post(PATH, body).await.expect(403).code(), "step_up_required");
    }
}
