use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::oauth_client;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InClient, OauthClientView};
use crate::state::Identity;
use crate::store;

/// Deletes a client.
#[utoipa::path(
    operation_id = "delete_oauth_client",
    tag = "oauth-clients",
    description = "The sessions that people gave it end. Send the `ETag` last read as `If-Match`. Needs `oauth_client.delete`, and \
                   asks for a factor shown of late.",
    params(
        ("client" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = OauthClientView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/oauth-clients/{client}")]
pub async fn delete_oauth_client(
    ask: Change<oauth_client::Delete>,
    path: Path<InClient>,
    identity: Data<Identity>,
) -> Outcome<OauthClientView> {
    let mut tx = ask.begin(&identity.db).await?;
    let client = store::oauth_clients::hold(&mut tx, path.client).await?;
    let gone = OauthClientView::from(&*client);
    tx.must_match(&gone)?;

    store::oauth_clients::remove(&mut tx, &client).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    #[tokio::test]
    async fn it_goes_only_in_the_state_that_was_read() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let app = App::register(&owner, json!({})).await;
        owner.delete(&app.path()).await.expect(428);
        owner.delete_if(&app.path(), "\"9\"").await.expect(412);
        owner
            .delete_if(&format!("{}?dry_run=true", app.path()), "*")
            .await
            .expect(200);
        owner.delete_if(&app.path(), "\"1\"").await.expect(204);
        owner.get(&app.path()).await.expect(404);
        assert_eq!(test.dump("identity.oauth_clients").await, "");
    }
}
