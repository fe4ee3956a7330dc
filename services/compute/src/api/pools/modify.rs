use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::pool;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InPool, OvercommitView, PoolView};
use crate::placement::Policy;
use crate::state::Compute;
use crate::store;

/// What to change of a pool; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyPool {
    /// How much more is promised than there is, from now on. Machines that are placed stay, even where less is promised.
    pub overcommit: Option<OvercommitView>,
    /// How machines are spread over its hosts, from now on.
    pub policy: Option<Policy>,
}

/// Changes a pool.
#[utoipa::path(
    operation_id = "modify_pool",
    tag = "pools",
    description = "Changes overcommit or policy. Send the `ETag` last read as `If-Match`. Needs `pool.modify`.",
    params(
        ("pool" = String, Path, description = "Id or name", example = "default"),
        DryRun,
        IfMatch,
    ),
    request_body(content = ModifyPool, description = "What to change"),
    responses((status = 200, description = "The pool as it is now", body = PoolView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/system/pools/{pool}")]
pub async fn modify_pool(
    ask: Change<pool::Modify, ModifyPool>,
    path: Path<InPool>,
    compute: Data<Compute>,
) -> Outcome<PoolView> {
    let (overcommit, policy) = (ask.body.overcommit.map(Into::into), ask.body.policy);

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let pool = store::pools::hold(&mut tx, &path.pool).await?;
    let before = PoolView::from(&pool);
    tx.must_match(&before)?;

    let pool = store::pools::set(&mut tx, &platform, &pool.with(overcommit, policy)?).await?;

    tx.finish(Status::Ok, Changed(before, PoolView::from(&pool))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{session, start};

    #[tokio::test]
    async fn its_hosts_promise_more_or_less_at_once() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        test.host(&operator, "fast", "one").await;
        let pool = "/api/v1/system/pools/fast";
        let etag = operator.get(pool).await.expect(200).header("etag").to_owned();
        let body = json!({"overcommit": {"cpu": 2.5, "memory": 2.0}});
        let would = operator
            .patch(&format!("{pool}?dry_run=true"), &etag, body.clone())
            .await
            .expect(200);
        assert_eq!(would.json["overcommit"]["cpu"], 2.5);
        let host = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(
            host.json["capacity"], host.json["physical"],
            "a dry run promises nothing"
        );

        let changed = operator.patch(pool, &etag, body).await.expect(200);
        assert_eq!(
            (&changed.json["generation"], &changed.json["policy"]),
            (&json!(2), &json!("spread"))
        );
        let host = operator.get("/api/v1/system/hosts/one").await.expect(200);
        assert_eq!(
            host.json["physical"],
            json!({"vcpus": 4, "memory_mib": 8192, "disk_gib": 100})
        );
        assert_eq!(
            host.json["capacity"],
            json!({"vcpus": 10, "memory_mib": 16384, "disk_gib": 100})
        );
    }

    #[tokio::test]
    async fn a_host_that_starts_meanwhile_misses_no_change() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let host = test.host(&operator, "fast", "one").await;
        let machine = test.certificate(&host.fingerprint);
        for cpu in [2, 3, 4, 5, 6, 7, 8] {
            let body = json!({"overcommit": {"cpu": cpu, "memory": 1}});
            let changing = operator.patch("/api/v1/system/pools/fast", "*", body);
            let starts = (0..4).map(|_| machine.post("/api/v1/hypervisor/session", session()));
            let moving = operator.patch("/api/v1/system/hosts/one", "*", json!({"pool": "fast"}));
            let (changed, started, moved) = tokio::join!(changing, futures::future::join_all(starts), moving);
            assert_eq!((changed.status.as_u16(), moved.status.as_u16()), (200, 200));
            assert!(started.iter().all(|reply| reply.status == 200));
            let seen = operator.get("/api/v1/system/hosts/one").await.expect(200);
            assert_eq!(seen.json["capacity"]["vcpus"], 4 * cpu);
        }
    }

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let pool = "/api/v1/system/pools/fast";
        operator
            .patch(pool, "\"1\"", json!({"policy": "pack"}))
            .await
            .expect(200);
        operator
            .patch(pool, "\"1\"", json!({"policy": "spread"}))
            .await
            .expect(412);
        let unguarded = operator
            .request(reqwest::Method::PATCH, pool)
            .json(&json!({"policy": "spread"}));
        operator.send(unguarded).await.expect(428);
        operator
            .patch(pool, "*", json!({"overcommit": {"cpu": 99, "memory": 1}}))
            .await
            .expect(400);
        operator
            .patch("/api/v1/system/pools/none", "*", json!({"policy": "pack"}))
            .await
            .expect(404);
    }
}
