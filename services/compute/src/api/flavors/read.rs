use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::flavor;
use web::{Found, Read, Refusals};

use super::{FlavorView, InFlavor};
use crate::state::Compute;
use crate::store;

/// Reads a flavor.
#[utoipa::path(
    operation_id = "read_flavor",
    tag = "flavors",
    description = "One size of machine, by id or name.",
    params(("flavor" = String, Path, description = "Id or name", example = "small")),
    responses((status = 200, description = "The flavor", body = FlavorView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/flavors/{flavor}")]
pub async fn read_flavor(
    ask: Read<flavor::Read>,
    path: Path<InFlavor>,
    compute: Data<Compute>,
) -> Result<Found<FlavorView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;

    let flavor = store::flavors::lookup(&mut tx, &path.flavor).await?;
    Ok(Found(FlavorView::from(&flavor)))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn by_name_or_id_or_not_at_all() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.flavor(&test.operator(&tenant), "small").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let found = viewer.get("/api/v1/flavors/small").await.expect(200);
        let id = found.json["id"].as_str().unwrap();
        assert_eq!(
            viewer.get(&format!("/api/v1/flavors/{id}")).await.expect(200).json,
            found.json
        );
        viewer.get("/api/v1/flavors/none").await.expect(404);
    }
}
