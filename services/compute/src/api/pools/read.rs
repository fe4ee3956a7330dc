use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::pool;
use web::{Found, Read, Refusals};

use super::{InPool, PoolView};
use crate::state::Compute;
use crate::store;

/// Reads a pool.
#[utoipa::path(
    operation_id = "read_pool",
    tag = "pools",
    description = "One pool, by id or name. Needs `pool.read`: platform operators only.",
    params(("pool" = String, Path, description = "Id or name", example = "default")),
    responses((status = 200, description = "The pool", body = PoolView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/pools/{pool}")]
pub async fn read_pool(
    ask: Read<pool::Read>,
    path: Path<InPool>,
    compute: Data<Compute>,
) -> Result<Found<PoolView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    tx.platform()?;

    let pool = store::pools::lookup(&mut tx, &path.pool).await?;
    Ok(Found(PoolView::from(&pool)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn by_id_or_name_and_not_twice() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let made = operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let by_name = operator.get("/api/v1/system/pools/fast").await.expect(200);
        assert_eq!(by_name.json["id"], made.json["id"]);
        let again = operator.request(reqwest::Method::GET, "/api/v1/system/pools/fast");
        operator
            .send(again.header("if-none-match", by_name.header("etag")))
            .await
            .expect(304);
    }

    #[tokio::test]
    async fn what_is_not_there_and_who_may_not_know() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        test.operator(&tenant)
            .get("/api/v1/system/pools/none")
            .await
            .expect(404);
        test.client
            .caller(&tenant.caller(Role::Owner))
            .get("/api/v1/system/pools/none")
            .await
            .expect(403);
    }
}
