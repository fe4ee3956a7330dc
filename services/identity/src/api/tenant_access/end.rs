use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::tenant_access;
use db::{Outcome, Status};
use fault::Kind;
use web::{Change, DryRun, Once, Refusals};

use super::changed;
use crate::access::operator;
use crate::api::operator_access::{OfAccess, OperatorAccessView};
use crate::state::Identity;
use crate::store;

/// Gives an access back.
#[utoipa::path(
    operation_id = "end_tenant_access",
    tag = "operator-access",
    description = "Ends the caller's own access to a tenant's content, or takes back what they have asked for; felt within five \
                   seconds, and in both logs. 409 when it is over. Needs `tenant_access.end`.",
    params(
        ("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "It is over", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/operator-access/{access}:end")]
pub async fn end_tenant_access(
    ask: Change<tenant_access::End>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let tenant = path.tenant(&identity).await?;

    let mut tx = ask.begin(&identity.db).await?;
    let platform = tx.platform()?;
    let held = path.hold_in(&mut tx, &platform, tenant).await?;
    if operator(ask.caller())? != held.operator {
        let detail = "Only the operator whose access it is gives it back; the tenant can end it as well.";
        return Err(fault::Error::new(Kind::Forbidden, detail).into());
    }

    held.must_not_be_over()?;
    let ended = store::operator_access::set_given_back(&mut tx, &platform, &held).await?;
    tx.tell(&platform, held.tenant);

    tx.finish(Status::Ok, changed(&held, &ended)).await
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use ids::OperatorAccessId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn one_gives_back_ones_own_and_both_logs_say_so() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.asks(&acme).await;
        let approve = format!("/api/v1/operator-access/{access}:approve");
        owner.client.post(&approve, json!({})).await.expect(200);
        let path = format!("/api/v1/system/operator-access/{access}:end");
        second.client.post(&path, json!({})).await.expect(403);
        owner.client.post(&path, json!({})).await.expect(403);
        assert!(test.access_standing(&access).await.unwrap().live);
        let ended = first.client.post(&path, json!({})).await.expect(200).json;
        assert_eq!(
            (&ended["state"], &ended["ended_by"]),
            (&json!("ended"), &json!("operator"))
        );
        assert!(!test.access_standing(&access).await.unwrap().live);
        first.client.post(&path, json!({})).await.expect(409);
        let never = format!("/api/v1/system/operator-access/{}:end", OperatorAccessId::mint());
        first.client.post(&never, json!({})).await.expect(404);
        let said = ("tenant_access.end".to_owned(), "success".to_owned());
        assert!(test.audit(&acme).await.contains(&said));
        assert!(test.bench.audit(PLATFORM).await.contains(&said));
    }
}
