use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::image;
use web::{Found, Read, Refusals};

use super::{ImageView, InImage};
use crate::state::Compute;
use crate::store;

/// Reads an image.
#[utoipa::path(
    operation_id = "read_image",
    tag = "images",
    description = "One image, by id or name.",
    params(("image" = String, Path, description = "Id or name", example = "debian-12")),
    responses((status = 200, description = "The image", body = ImageView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/images/{image}")]
pub async fn read_image(
    ask: Read<image::Read>,
    path: Path<InImage>,
    compute: Data<Compute>,
) -> Result<Found<ImageView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;

    let image = store::images::lookup(&mut tx, &path.image).await?;
    Ok(Found(ImageView::from(&image)))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn by_name_or_id_or_not_at_all() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.image(&test.operator(&tenant), "debian").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let found = viewer.get("/api/v1/images/debian").await.expect(200);
        let id = found.json["id"].as_str().unwrap();
        assert_eq!(
            viewer.get(&format!("/api/v1/images/{id}")).await.expect(200).json,
            found.json
        );
        assert!(!found.text.contains("uploads"), "no path of ours: {}", found.text);
        viewer.get("/api/v1/images/none").await.expect(404);
    }
}
