use actix_web::post;
use actix_web::web::{Data, Path};
use auth::AccessKind;
use auth::action::operator_access;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{OfAccess, OperatorAccessView, decider};
use crate::state::Identity;
use crate::store;

/// Does not let an operator in.
#[utoipa::path(
    operation_id = "refuse_operator_access",
    tag = "operator-access",
    description = "Refuses what an operator asks for. 409 when there is nothing to decide any more; what is in force is ended \
                   instead. Needs `operator_access.refuse`.",
    params(
        ("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "The operator stays outside", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/operator-access/{access}:refuse")]
pub async fn refuse_operator_access(
    ask: Change<operator_access::Refuse>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = path.hold(&mut tx).await?;
    let person = decider(ask.caller())?;

    held.must_be(AccessKind::Consent)?;
    held.must_wait()?;
    let refused = store::operator_access::set_refused(&mut tx, &held, person).await?;

    let effect = Changed(OperatorAccessView::of(&held), OperatorAccessView::of(&refused));
    tx.finish(Status::Ok, effect).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn what_is_refused_stays_refused() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let access = operator.asks(&acme).await;
        let path = format!("/api/v1/operator-access/{access}");
        let viewer = test.client.caller(&acme.caller(Role::Viewer));
        viewer.post(&format!("{path}:refuse"), json!({})).await.expect(403);
        let refused = owner
            .client
            .post(&format!("{path}:refuse"), json!({}))
            .await
            .expect(200)
            .json;
        assert_eq!(
            (&refused["state"], &refused["ends_at"]),
            (&json!("refused"), &json!(null))
        );
        for verb in ["refuse", "approve", "end"] {
            owner
                .client
                .post(&format!("{path}:{verb}"), json!({}))
                .await
                .expect(409);
        }
        assert!(!test.access_standing(&access).await.unwrap().live);
    }
}
