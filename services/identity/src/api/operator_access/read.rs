use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::operator_access;
use web::{Found, Read, Refusals};

use super::{OfAccess, OperatorAccessView};
use crate::state::Identity;
use crate::store;

/// Reads an operator's access.
#[utoipa::path(
    operation_id = "read_operator_access",
    tag = "operator-access",
    description = "One access: who of the platform asks, why, as what and for how long, and what became of it. Entries of the \
                   audit log name it as their `credential`. Needs `operator_access.read`.",
    params(("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses(
        (status = 200, description = "The access", body = OperatorAccessView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/operator-access/{access}")]
pub async fn read_operator_access(
    ask: Read<operator_access::Read>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Result<Found<OperatorAccessView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let found = store::operator_access::lookup(&mut tx, path.access).await?;
    let found = tx.grant(found.ok_or_else(|| fault::Error::not_found("operator access"))?)?;
    Ok(Found(OperatorAccessView::of(&found)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::OperatorAccessId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_reads_like_one_that_never_was_and_changes_like_one() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.person(&mine, "me", Role::Owner).await;
        let them = test.person(&theirs, "them", Role::Owner).await;
        let access = test.operator("root").await.asks(&theirs).await;
        let path = |id: &str| format!("/api/v1/operator-access/{id}");
        let read = them.client.get(&path(&access)).await.expect(200).json;
        assert_eq!(
            (&read["role"], &read["reason"]),
            (&json!("viewer"), &json!("a broken disk"))
        );
        assert_eq!(
            (&read["ends_at"], &read["tenant_id"]),
            (&json!(null), &json!(theirs.id))
        );
        let never = OperatorAccessId::mint().to_string();
        let foreign = me.client.get(&path(&access)).await.expect(404);
        let absent = me.client.get(&path(&never)).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        for verb in ["approve", "refuse", "end"] {
            let ask = async |id: &str| {
                let path = format!("{}:{verb}", path(id));
                me.client.post(&path, json!({})).await.expect(404)
            };
            assert_eq!(
                ask(&access).await.without_request(),
                ask(&never).await.without_request()
            );
        }
        assert_eq!(
            them.client.get(&path(&access)).await.expect(200).json,
            read,
            "untouched"
        );
    }
}
