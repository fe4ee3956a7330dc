use actix_web::post;
use actix_web::web::Data;
use auth::action::pool;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{OvercommitView, PoolView};
use crate::placement::Policy;
use crate::pool::NewPool;
use crate::state::Compute;
use crate::store;

/// A pool to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePool {
    /// A DNS label, unique on the platform.
    #[schema(
        example = "default",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// Where it stands.
    #[serde(default = "default_region")]
    #[schema(
        example = "eu-1",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub region: String,
    /// How much more is promised than there is; nothing more if left out.
    #[serde(default = "no_overcommit")]
    pub overcommit: OvercommitView,
    /// How machines are spread over its hosts.
    #[serde(default = "default_policy")]
    pub policy: Policy,
}

fn default_region() -> String {
    "default".to_owned()
}

const fn no_overcommit() -> OvercommitView {
    OvercommitView { cpu: 1.0, memory: 1.0 }
}

const fn default_policy() -> Policy {
    Policy::Spread
}

impl CreatePool {
    fn check(&self) -> Result<NewPool, fault::Error> {
        let Self {
            name,
            region,
            overcommit,
            policy,
        } = self.clone();
        NewPool {
            name,
            region,
            overcommit: overcommit.into(),
            policy,
        }
        .check()
    }
}

/// Creates a pool.
#[utoipa::path(
    operation_id = "create_pool",
    tag = "pools",
    description = "Makes a pool that hosts can be enrolled into. Needs `pool.create`: platform operators only.",
    params(DryRun, Once),
    request_body(content = CreatePool, description = "The pool to be"),
    responses((status = 201, description = "Created", body = PoolView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/pools")]
pub async fn create_pool(ask: Change<pool::Create, CreatePool>, compute: Data<Compute>) -> Outcome<PoolView> {
    let new = ask.body.check()?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let pool = store::pools::insert(&mut tx, &platform, &new)
        .await
        .map_err(|error| error.taken("pool"))?;

    tx.finish(Status::Created, Created(PoolView::from(&pool))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_operator_creates_a_pool_and_reads_it_back() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        let body = json!({"name": "fast", "overcommit": {"cpu": 8.0, "memory": 1.5}, "policy": "pack"});
        let made = operator.post("/api/v1/system/pools", body).await.expect(201);
        assert_eq!(
            (&made.json["region"], &made.json["policy"]),
            (&json!("default"), &json!("pack"))
        );
        let read = operator.get(made.header("location")).await.expect(200);
        assert_eq!(read.json, made.json);
        assert_eq!(read.header("etag"), "\"1\"");
        assert_eq!(
            test.audit(&tenant).await,
            [("pool.create".to_owned(), "success".to_owned())]
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let body = json!({"name": "No", "region": "", "overcommit": {"cpu": 17, "memory": 0.5}});
        let refused = operator.post("/api/v1/system/pools", body).await.expect(400);
        let pointers: Vec<_> = refused.json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].clone())
            .collect();
        assert_eq!(pointers, ["/name", "/region", "/overcommit/cpu", "/overcommit/memory"]);
        operator
            .post("/api/v1/system/pools", json!({"name": "a", "policy": "random"}))
            .await
            .expect(400);
        operator
            .post("/api/v1/system/pools", json!({"name": "a", "hosts": 3}))
            .await
            .expect(400);
    }

    #[tokio::test]
    async fn a_name_is_given_once() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(201);
        let again = operator
            .post("/api/v1/system/pools", json!({"name": "fast"}))
            .await
            .expect(409);
        assert_eq!(again.code(), "already_exists");
    }

    #[tokio::test]
    async fn t18_no_role_of_a_tenant_is_enough() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Owner, Role::Admin, Role::Operator, Role::Viewer, Role::Auditor] {
            let caller = test.client.caller(&tenant.caller(role));
            caller
                .post("/api/v1/system/pools", json!({"name": "mine"}))
                .await
                .expect(403);
        }
        test.client
            .post("/api/v1/system/pools", json!({"name": "mine"}))
            .await
            .expect(401);
    }

    #[tokio::test]
    async fn a_dry_run_changes_nothing_and_a_repeated_key_makes_one() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let body = json!({"name": "fast"});
        let would = operator
            .post("/api/v1/system/pools?dry_run=true", body.clone())
            .await
            .expect(200);
        assert_eq!(would.header("dry-run"), "true");
        operator.get("/api/v1/system/pools/fast").await.expect(404);
        let first = operator
            .post_once("/api/v1/system/pools", "key", body.clone())
            .await
            .expect(201);
        let again = operator
            .post_once("/api/v1/system/pools", "key", body)
            .await
            .expect(201);
        assert_eq!(
            (again.header("idempotent-replayed"), &again.json),
            ("true", &first.json)
        );
    }
}
