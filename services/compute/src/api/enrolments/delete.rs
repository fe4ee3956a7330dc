use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::host;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{EnrolmentView, InEnrolment};
use crate::state::Compute;
use crate::store;

/// Takes a permission to enrol back.
#[utoipa::path(
    operation_id = "delete_enrolment",
    tag = "hosts",
    description = "Ends a permission that was not used yet. Needs `host.enrol`: platform operators only.",
    params(
        ("enrolment" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Taken back"),
        (status = 200, description = "Dry run: what would be taken back", body = EnrolmentView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/system/hosts/enrolments/{enrolment}")]
pub async fn delete_enrolment(
    ask: Change<host::Enrol>,
    path: Path<InEnrolment>,
    compute: Data<Compute>,
) -> Outcome<EnrolmentView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let enrolment = store::enrolments::lookup(&mut tx, path.enrolment).await?;

    if !store::enrolments::remove(&mut tx, &platform, enrolment.id).await? {
        return Err(fault::Error::conflict("A host has used it; remove the host instead.").into());
    }

    tx.finish(Status::NoContent, Removed(EnrolmentView::from(&enrolment)))
        .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{enrol, start};

    #[tokio::test]
    async fn t53_a_token_that_was_taken_back_opens_nothing() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let made = operator
            .post("/api/v1/system/hosts/enrolments", json!({"pool": "fast"}))
            .await
            .expect(201);
        let path = format!(
            "/api/v1/system/hosts/enrolments/{}",
            made.json["enrolment"]["id"].as_str().unwrap()
        );
        operator.delete(&format!("{path}?dry_run=true")).await.expect(200);
        operator.delete(&path).await.expect(204);
        operator.delete(&path).await.expect(404);
        let machine = test.certificate(&"ab".repeat(32));
        machine
            .post(
                "/api/v1/hypervisor/enrol",
                enrol(made.json["token"].as_str().unwrap(), "one"),
            )
            .await
            .expect(401);
    }

    #[tokio::test]
    async fn a_used_one_stays() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.host(&operator, "fast", "one").await;
        let used = operator.get("/api/v1/system/hosts/enrolments").await.expect(200);
        let path = format!(
            "/api/v1/system/hosts/enrolments/{}",
            used.json["items"][0]["id"].as_str().unwrap()
        );
        operator.delete(&path).await.expect(409);
        operator
            .delete("/api/v1/system/hosts/enrolments/none")
            .await
            .expect(404);
    }
}
