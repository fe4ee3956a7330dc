use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::image;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{ImageView, InImage};
use crate::state::Compute;
use crate::store;

/// Deletes an image.
#[utoipa::path(
    operation_id = "delete_image",
    tag = "images",
    description = "Offers the image no longer. Machines made from it keep theirs: its files go when none needs them. \
                   Send the `ETag` last read as `If-Match`. Needs `image.delete`.",
    params(
        ("image" = String, Path, description = "Id or name", example = "debian-12"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = ImageView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/system/images/{image}")]
pub async fn delete_image(
    ask: Change<image::Delete>,
    path: Path<InImage>,
    compute: Data<Compute>,
) -> Outcome<ImageView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let image = store::images::lookup(&mut tx, &path.image).await?;
    let gone = ImageView::from(&image);
    tx.must_match(&gone)?;

    store::images::remove(&mut tx, &platform, &image).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_gone_once_an_operator_says_so() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        test.image(&operator, "debian").await;
        let path = "/api/v1/system/images/debian";
        test.client
            .caller(&tenant.caller(Role::Owner))
            .delete_if(path, "*")
            .await
            .expect(403);
        operator
            .delete_if(&format!("{path}?dry_run=true"), "*")
            .await
            .expect(200);
        operator.get("/api/v1/images/debian").await.expect(200);
        operator.delete_if(path, "*").await.expect(204);
        operator.delete_if(path, "*").await.expect(404);
    }

    #[tokio::test]
    async fn who_read_the_one_before_does_not_delete_its_successor() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let path = "/api/v1/system/images/debian";
        test.image(&operator, "debian").await;
        let read = operator.get("/api/v1/images/debian").await.expect(200);
        operator.delete(path).await.expect(428);
        operator.delete_if(path, read.header("etag")).await.expect(204);
        test.image(&operator, "debian").await;
        operator.delete_if(path, read.header("etag")).await.expect(412);
        operator.get("/api/v1/images/debian").await.expect(200);
    }
}
