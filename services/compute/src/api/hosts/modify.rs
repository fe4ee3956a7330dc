use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::host;
use db::{Changed, Outcome, Status};
use ids::{IdOrName, PoolId};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{HostView, InHost};
use crate::host::HostState;
use crate::state::Compute;
use crate::store;

/// What to change of a host; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyHost {
    /// What is wanted of it.
    pub state: Option<HostState>,
    /// Its new pool, by id or name; only while nothing is placed on it.
    #[schema(value_type = Option<String>, example = "default")]
    pub pool: Option<IdOrName<PoolId>>,
}

/// Changes a host.
#[utoipa::path(
    operation_id = "modify_host",
    tag = "hosts",
    description = "Changes a host's state or pool. Send the `ETag` last read as `If-Match`. Needs `host.operate`.",
    params(
        ("host" = String, Path, description = "Id or name", example = "rack-3-7"),
        DryRun,
        IfMatch,
    ),
    request_body(content = ModifyHost, description = "What to change"),
    responses((status = 200, description = "The host as it is now", body = HostView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/system/hosts/{host}")]
pub async fn modify_host(
    ask: Change<host::Operate, ModifyHost>,
    path: Path<InHost>,
    compute: Data<Compute>,
) -> Outcome<HostView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let host = store::hosts::hold(&mut tx, &path.host).await?;
    let before = HostView::from(&host);
    tx.must_match(&before)?;
    let pool = match &ask.body.pool {
        Some(pool) => store::pools::lookup(&mut tx, pool).await?.id,
        None => host.pool.0,
    };
    if pool != host.pool.0 && host.allocated.vcpus > 0 {
        return Err(
            fault::Error::conflict("Machines are placed on this host; it can change its pool when empty.").into(),
        );
    }

    let host = store::hosts::set(&mut tx, &platform, &host, ask.body.state.unwrap_or(host.state), pool).await?;

    tx.finish(Status::Ok, Changed(before, HostView::from(&host))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn state_and_pool_change_and_the_room_follows() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        test.host(&operator, "fast", "one").await;
        let dense = json!({"name": "dense", "overcommit": {"cpu": 2.0, "memory": 1.0}});
        operator.post("/api/v1/system/pools", dense).await.expect(201);
        let path = "/api/v1/system/hosts/one";
        let changed = operator
            .patch(path, "\"1\"", json!({"state": "maintenance", "pool": "dense"}))
            .await
            .expect(200);
        assert_eq!(
            (&changed.json["state"], &changed.json["pool"]),
            (&json!("maintenance"), &json!("dense"))
        );
        assert_eq!(changed.json["capacity"]["vcpus"], 8);
        assert_eq!(changed.header("etag"), "\"2\"");
        operator.patch(path, "\"1\"", json!({"state": "up"})).await.expect(412);
        assert!(
            test.audit(&tenant)
                .await
                .contains(&("host.operate".to_owned(), "success".to_owned()))
        );
    }

    #[tokio::test]
    async fn a_host_with_machines_stays_in_its_pool() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.host(&operator, "fast", "one").await;
        operator
            .post("/api/v1/system/pools", json!({"name": "other"}))
            .await
            .expect(201);
        test.superuser("update compute.hosts set vcpus_used = 1").await;
        let path = "/api/v1/system/hosts/one";
        operator.patch(path, "*", json!({"pool": "other"})).await.expect(409);
        operator
            .patch(path, "*", json!({"pool": "fast", "state": "disabled"}))
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn what_is_wrong_and_who_may_not() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        test.host(&operator, "fast", "one").await;
        let path = "/api/v1/system/hosts/one";
        operator.patch(path, "*", json!({"state": "broken"})).await.expect(400);
        operator.patch(path, "*", json!({"pool": "none"})).await.expect(404);
        operator.patch(path, "*", json!({"simulated": false})).await.expect(400);
        operator
            .patch("/api/v1/system/hosts/none", "*", json!({"state": "up"}))
            .await
            .expect(404);
        let unguarded = operator
            .request(reqwest::Method::PATCH, path)
            .json(&json!({"state": "up"}));
        operator.send(unguarded).await.expect(428);
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        owner.patch(path, "*", json!({"state": "disabled"})).await.expect(403);
    }
}
