use actix_web::post;
use actix_web::web::Data;
use auth::action::flavor;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::FlavorView;
use crate::flavor::NewFlavor;
use crate::state::Compute;
use crate::store;

/// A flavor to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFlavor {
    /// Unique on the platform: `a-z`, `0-9`, `-` and `.`, beginning and ending with a letter or digit.
    #[schema(
        example = "small",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// Virtual processors, 1 to 1,024.
    #[schema(example = 1, minimum = 1, maximum = 1024)]
    pub vcpus: i32,
    /// Memory in MiB, 16 to 16,777,216.
    #[schema(example = 512, minimum = 16, maximum = 16_777_216)]
    pub memory_mib: i32,
    /// Disk in GiB, 0 to 65,536; 0 is none, for images that are a kernel.
    #[schema(example = 10, minimum = 0, maximum = 65_536)]
    pub disk_gib: i32,
}

impl CreateFlavor {
    fn check(&self) -> Result<NewFlavor, fault::Error> {
        let Self {
            name,
            vcpus,
            memory_mib,
            disk_gib,
        } = self.clone();
        NewFlavor {
            name,
            vcpus,
            memory_mib,
            disk_gib,
        }
        .check()
    }
}

/// Creates a flavor.
#[utoipa::path(
    operation_id = "create_flavor",
    tag = "flavors",
    description = "Offers a size of machine to every tenant. Needs `flavor.create`: platform operators only.",
    params(DryRun, Once),
    request_body(content = CreateFlavor, description = "The flavor to be"),
    responses((status = 201, description = "Created", body = FlavorView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/flavors")]
pub async fn create_flavor(ask: Change<flavor::Create, CreateFlavor>, compute: Data<Compute>) -> Outcome<FlavorView> {
    let new = ask.body.check()?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let flavor = store::flavors::insert(&mut tx, &platform, &new)
        .await
        .map_err(|error| error.taken("flavor"))?;

    tx.finish(Status::Created, Created(FlavorView::from(&flavor))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_operator_creates_one_and_every_tenant_reads_it() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let body = json!({"name": "m1.tiny", "vcpus": 1, "memory_mib": 128, "disk_gib": 0});
        let made = operator.post("/api/v1/system/flavors", body.clone()).await.expect(201);
        let viewer = test
            .client
            .caller(&test.bench.tenant("acme").await.caller(Role::Viewer));
        let read = viewer.get(made.header("location")).await.expect(200);
        assert_eq!(read.json, made.json);
        assert_eq!(
            operator.post("/api/v1/system/flavors", body).await.expect(409).code(),
            "already_exists"
        );
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let body = json!({"name": "-", "vcpus": 0, "memory_mib": 1, "disk_gib": -1});
        let refused = operator.post("/api/v1/system/flavors", body).await.expect(400);
        assert_eq!(refused.json["errors"].as_array().unwrap().len(), 4);
        let huge = json!({"name": "a", "vcpus": 99_999_999_999_i64, "memory_mib": 128, "disk_gib": 0});
        let refused = operator.post("/api/v1/system/flavors", huge).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/vcpus");
    }

    #[tokio::test]
    async fn t18_an_owner_may_not() {
        let test = start().await;
        let owner = test.client.caller(&test.bench.tenant("acme").await.caller(Role::Owner));
        let body = json!({"name": "huge", "vcpus": 64, "memory_mib": 128, "disk_gib": 0});
        owner.post("/api/v1/system/flavors", body).await.expect(403);
    }
}
