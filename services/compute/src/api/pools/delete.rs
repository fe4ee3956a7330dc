use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::pool;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InPool, PoolView};
use crate::state::Compute;
use crate::store;

/// Deletes a pool.
#[utoipa::path(
    operation_id = "delete_pool",
    tag = "pools",
    description = "Deletes a pool without hosts; open enrolments into it end. Send the `ETag` last read as `If-Match`. Needs \
                   `pool.delete`.",
    params(
        ("pool" = String, Path, description = "Id or name", example = "default"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = PoolView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/system/pools/{pool}")]
pub async fn delete_pool(ask: Change<pool::Delete>, path: Path<InPool>, compute: Data<Compute>) -> Outcome<PoolView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let pool = store::pools::hold(&mut tx, &path.pool).await?;
    let gone = PoolView::from(&pool);
    tx.must_match(&gone)?;

    store::pools::remove(&mut tx, &platform, &pool)
        .await
        .map_err(|error| match error {
            db::Error::Reference(_) => {
                fault::Error::conflict("There are hosts in this pool; remove or move them first.")
            }
            other => other.into(),
        })?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_empty_pool_goes_and_its_open_tokens_with_it() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        operator
            .post("/api/v1/system/hosts/enrolments", json!({"pool": "fast"}))
            .await
            .expect(201);
        operator
            .delete_if("/api/v1/system/pools/fast?dry_run=true", "*")
            .await
            .expect(200);
        operator.get("/api/v1/system/pools/fast").await.expect(200);
        operator.delete_if("/api/v1/system/pools/fast", "*").await.expect(204);
        operator.get("/api/v1/system/pools/fast").await.expect(404);
        let left = operator.get("/api/v1/system/hosts/enrolments").await.expect(200);
        assert_eq!(left.json["items"], json!([]));
    }

    #[tokio::test]
    async fn only_who_read_the_present_state_may_delete_it() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let path = "/api/v1/system/pools/fast";
        let made = operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let changed = operator
            .patch(path, made.header("etag"), json!({"policy": "pack"}))
            .await
            .expect(200);
        operator.delete(path).await.expect(428);
        operator.delete_if(path, made.header("etag")).await.expect(412);
        operator.delete_if(path, changed.header("etag")).await.expect(204);
    }

    #[tokio::test]
    async fn hosts_hold_their_pool() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.host(&operator, "fast", "one").await;
        let refused = operator.delete_if("/api/v1/system/pools/fast", "*").await.expect(409);
        assert_eq!(refused.code(), "conflict");
        operator.delete_if("/api/v1/system/pools/none", "*").await.expect(404);
    }
}
