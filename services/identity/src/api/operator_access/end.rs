use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::operator_access;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{OfAccess, OperatorAccessView};
use crate::state::Identity;
use crate::store;

/// Ends an operator's access.
#[utoipa::path(
    operation_id = "end_operator_access",
    tag = "operator-access",
    description = "Shuts an operator out, whoever let them in, an emergency included; felt within five seconds. What is only \
                   asked for ends as well. 409 when it is over. Needs `operator_access.end`.",
    params(
        ("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "It is over", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/operator-access/{access}:end")]
pub async fn end_operator_access(
    ask: Change<operator_access::End>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = path.hold(&mut tx).await?;

    held.must_not_be_over()?;
    let ended = store::operator_access::set_ended(&mut tx, &held).await?;

    let effect = Changed(OperatorAccessView::of(&held), OperatorAccessView::of(&ended));
    tx.finish(Status::Ok, effect).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn the_tenant_ends_what_it_granted_and_what_it_did_not() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let consent = first.asks(&acme).await;
        let path = |id: &str, verb: &str| format!("/api/v1/operator-access/{id}:{verb}");
        owner
            .client
            .post(&path(&consent, "approve"), json!({}))
            .await
            .expect(200);
        let emergency = first.opens(&acme).await;
        for verb in ["approve", "refuse"] {
            owner.client.post(&path(&emergency, verb), json!({})).await.expect(409);
        }
        second.confirms(&emergency).await.expect(200);
        let waiting = first.asks(&acme).await;
        for access in [consent, emergency, waiting] {
            let live = test.access_standing(&access).await.unwrap();
            test.client
                .caller(&acme.caller(Role::Operator))
                .post(&path(&access, "end"), json!({}))
                .await
                .expect(403);
            let ended = owner
                .client
                .post(&path(&access, "end"), json!({}))
                .await
                .expect(200)
                .json;
            assert_eq!(
                (&ended["state"], &ended["ended_by"]),
                (&json!("ended"), &json!("tenant")),
                "{live:?}"
            );
            assert!(!test.access_standing(&access).await.unwrap().live);
            owner.client.post(&path(&access, "end"), json!({})).await.expect(409);
        }
    }
}
