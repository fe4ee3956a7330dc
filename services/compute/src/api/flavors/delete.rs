use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::flavor;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{FlavorView, InFlavor};
use crate::state::Compute;
use crate::store;

/// Deletes a flavor.
#[utoipa::path(
    operation_id = "delete_flavor",
    tag = "flavors",
    description = "Offers the size no longer; machines made with it keep theirs. Send the `ETag` last read as \
                   `If-Match`. Needs `flavor.delete`.",
    params(
        ("flavor" = String, Path, description = "Id or name", example = "small"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = FlavorView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/system/flavors/{flavor}")]
pub async fn delete_flavor(
    ask: Change<flavor::Delete>,
    path: Path<InFlavor>,
    compute: Data<Compute>,
) -> Outcome<FlavorView> {
    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    let flavor = store::flavors::lookup(&mut tx, &path.flavor).await?;
    let gone = FlavorView::from(&flavor);
    tx.must_match(&gone)?;

    store::flavors::remove(&mut tx, &platform, &flavor).await?;

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
        test.flavor(&operator, "small").await;
        let path = "/api/v1/system/flavors/small";
        test.client
            .caller(&tenant.caller(Role::Owner))
            .delete_if(path, "*")
            .await
            .expect(403);
        operator
            .delete_if(&format!("{path}?dry_run=true"), "*")
            .await
            .expect(200);
        operator.delete_if(path, "*").await.expect(204);
        operator.delete_if(path, "*").await.expect(404);
        operator.get("/api/v1/flavors/small").await.expect(404);
    }

    #[tokio::test]
    async fn who_read_the_one_before_does_not_delete_its_successor() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let path = "/api/v1/system/flavors/small";
        test.flavor(&operator, "small").await;
        let read = operator.get("/api/v1/flavors/small").await.expect(200);
        operator.delete(path).await.expect(428);
        operator.delete_if(path, read.header("etag")).await.expect(204);
        test.flavor(&operator, "small").await;
        operator.delete_if(path, read.header("etag")).await.expect(412);
        operator.get("/api/v1/flavors/small").await.expect(200);
    }
}
