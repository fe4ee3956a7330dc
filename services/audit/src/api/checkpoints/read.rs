use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::audit;
use web::{Found, Read, Refusals};

use super::{CheckpointView, OfSize};
use crate::state::Audit;
use crate::store;

/// Reads a checkpoint of the audit log.
#[utoipa::path(
    operation_id = "read_audit_checkpoint",
    tag = "audit",
    description = "The checkpoint of this size, or the latest. 404 where none was signed at this size. Needs `audit.read`.",
    params(("size" = String, Path, description = "How many entries it covers, or `latest`", example = "latest")),
    responses(
        (status = 200, description = "The checkpoint", body = CheckpointView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/audit/checkpoints/{size}")]
pub async fn read_audit_checkpoint(
    ask: Read<audit::Read>,
    path: Path<OfSize>,
    audit: Data<Audit>,
) -> Result<Found<CheckpointView>, fault::Error> {
    let size = path.parse()?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let signed = store::checkpoints::lookup(&mut tx, &tenant, size).await?;
    let signed = signed.ok_or_else(|| fault::Error::not_found("checkpoint"))?;
    Ok(Found(CheckpointView::of(signed)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;

    use crate::testing::start_paced;

    #[tokio::test]
    async fn it_is_found_by_size_and_the_latest_without() {
        let test = start_paced(1, 0).await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        // Of another tenant: a refusal is itself an entry of the log.
        let other = test.bench.tenant("other").await;
        let stranger = test.owner(&other);
        stranger.get("/api/v1/audit/checkpoints/latest").await.expect(404);
        for entries in 1..=2 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
            test.signed(&tenant, entries).await;
        }
        let latest = owner.get("/api/v1/audit/checkpoints/latest").await.expect(200);
        assert_eq!(latest.json["size"], 2);
        let named = owner.get("/api/v1/audit/checkpoints/2").await.expect(200);
        assert_eq!(named.json, latest.json);
        for absent in ["3", "0", "-1", "x", "99999999999999999999"] {
            owner
                .get(&format!("/api/v1/audit/checkpoints/{absent}"))
                .await
                .expect(404);
        }
    }

    #[tokio::test]
    async fn t01_anothers_reads_like_none() {
        let test = start_paced(1, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.signed(&theirs, 1).await;
        // Before any other request of this tenant: a refusal is itself an entry of its log.
        let foreign = test.owner(&mine).get("/api/v1/audit/checkpoints/1").await.expect(404);
        let absent = test.owner(&mine).get("/api/v1/audit/checkpoints/777").await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        test.client
            .caller(&mine.caller(Role::Viewer))
            .get("/api/v1/audit/checkpoints/1")
            .await
            .expect(403);
    }
}
