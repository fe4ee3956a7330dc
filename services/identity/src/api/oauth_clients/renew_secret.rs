use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::oauth_client;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{InClient, OauthClientSecret, OauthClientView};
use crate::once::Token;
use crate::state::Identity;
use crate::store;

/// Gives a client another secret.
#[utoipa::path(
    operation_id = "renew_oauth_client_secret",
    tag = "oauth-clients",
    description = "The one before is good for nothing from now on. Shown once. Needs `oauth_client.modify`, and asks for a factor \
                   shown of late.",
    params(("client" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"), DryRun, Once),
    responses((status = 200, description = "The new secret", body = OauthClientSecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/oauth-clients/{client}/secret")]
pub async fn renew_oauth_client_secret(
    ask: Change<oauth_client::Modify>,
    path: Path<InClient>,
    identity: Data<Identity>,
) -> Outcome<OauthClientSecret> {
    let mut tx = ask.begin(&identity.db).await?;
    let client = store::oauth_clients::hold(&mut tx, path.client).await?;
    if client.secret_hash.is_none() {
        let detail = "This client has no secret: it is public, or proves itself with keys.";
        return Err(fault::Error::conflict(detail).into());
    }
    let before = OauthClientSecret {
        client_secret: None,
        client: OauthClientView::from(&*client),
    };

    let secret = Token::make("yos_");
    let client = store::oauth_clients::set_secret(&mut tx, &client, &secret.digest()).await?;

    let after = OauthClientSecret {
        client_secret: (!tx.is_dry_run()).then(|| secret.reveal()),
        client: OauthClientView::from(&client),
    };
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    #[tokio::test]
    async fn the_one_before_is_good_for_nothing() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let mut app = App::register(&ada, json!({})).await;
        let path = format!("{}/secret", app.path());
        let code = app.code(&ada, "openid").await;
        let next = ada.post(&path, json!({})).await.expect(200).json["client_secret"].clone();
        app.redeem(&test, &code).await.expect(401);
        app.secret = Some(next.as_str().unwrap().to_owned());
        app.redeem(&test, &code).await.expect(200);
        let public = App::register(&ada, json!({"name": "b", "kind": "public"})).await;
        ada.post(&format!("{}/secret", public.path()), json!({}))
            .await
            .expect(409);
    }
}
