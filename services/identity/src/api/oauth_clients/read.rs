use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::oauth_client;
use web::{Found, Read, Refusals};

use super::{InClient, OauthClientView};
use crate::state::Identity;
use crate::store;

/// Reads a client.
#[utoipa::path(
    operation_id = "read_oauth_client",
    tag = "oauth-clients",
    description = "One client, without its secret. Needs `oauth_client.read`.",
    params(("client" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses(
        (status = 200, description = "The client", body = OauthClientView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/oauth-clients/{client}")]
pub async fn read_oauth_client(
    ask: Read<oauth_client::Read>,
    path: Path<InClient>,
    identity: Data<Identity>,
) -> Result<Found<OauthClientView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let client = store::oauth_clients::lookup(&mut tx, path.client).await?;

    Ok(Found(OauthClientView::from(&*client)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_client_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let (me, them) = (
            test.client.caller(&mine.caller(Role::Owner)),
            test.client.caller(&theirs.caller(Role::Owner)),
        );
        let app = App::register(&them, json!({})).await;
        let foreign = me.get(&app.path()).await.expect(404);
        let absent = format!("/api/v1/oauth-clients/{}", ids::OauthClientId::mint());
        let absent = me.get(&absent).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        me.patch(&app.path(), "*", json!({"enabled": false})).await.expect(404);
        me.delete_if(&app.path(), "*").await.expect(404);
        me.post(&format!("{}/secret", app.path()), json!({})).await.expect(404);
        them.get(&app.path()).await.expect(200);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get(&app.path()).await.expect(403);
    }
}
