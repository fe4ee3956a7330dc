use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::oauth_client;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::create::check;
use super::{InClient, OauthClientView};
use crate::oauth::client::GrantType;
use crate::oauth::jwk::PublicJwks;
use crate::state::Identity;
use crate::store;

/// What to change of a client; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyOauthClient {
    /// The new name.
    #[schema(example = "Grafana", max_length = 100)]
    pub name: Option<String>,
    /// The new places where answers may go.
    #[schema(example = json!(["https://app.example/callback"]), max_items = 20)]
    pub redirect_uris: Option<Vec<String>>,
    /// The new ways to tokens.
    #[schema(example = json!(["authorization_code"]), max_items = 3)]
    pub grant_types: Option<Vec<GrantType>>,
    /// What it may be let in for from now on; what it was let in for already stays until its sessions end.
    #[schema(example = json!(["openid"]), max_items = 200)]
    pub scopes: Option<Vec<String>>,
    /// The new public keys, for a client that has such.
    pub jwks: Option<PublicJwks>,
    /// Is it let in at all? Its sessions count no longer while it is not.
    #[schema(example = false)]
    pub enabled: Option<bool>,
}

/// Changes a client.
#[utoipa::path(
    operation_id = "modify_oauth_client",
    tag = "oauth-clients",
    description = "Send the `ETag` last read as `If-Match`. Needs `oauth_client.modify`, and asks for a factor shown of late.",
    params(
        ("client" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        IfMatch,
    ),
    request_body(content = ModifyOauthClient, description = "What to change"),
    responses((status = 200, description = "The client as it is now", body = OauthClientView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/oauth-clients/{client}")]
pub async fn modify_oauth_client(
    ask: Change<oauth_client::Modify, ModifyOauthClient>,
    path: Path<InClient>,
    identity: Data<Identity>,
) -> Outcome<OauthClientView> {
    let body = &ask.body;

    let mut tx = ask.begin(&identity.db).await?;
    let client = store::oauth_clients::hold(&mut tx, path.client).await?;
    let before = OauthClientView::from(&*client);
    tx.must_match(&before)?;
    if body.jwks.is_some() && before.jwks.is_none() {
        return Err(fault::Error::invalid("/jwks", "is for clients that were registered with keys").into());
    }
    let said = (
        body.name.as_deref().unwrap_or(&before.name),
        body.redirect_uris.as_deref().unwrap_or(&before.redirect_uris),
        body.grant_types.as_deref().unwrap_or(&before.grant_types),
        body.scopes.as_deref().unwrap_or(&before.scopes),
    );
    let wanted = check(said, body.jwks.as_ref(), body.enabled.unwrap_or(before.enabled))?;

    let client = store::oauth_clients::set(&mut tx, &client, &wanted, body.jwks.as_ref())
        .await
        .map_err(|error| error.taken("OAuth client"))?;

    tx.finish(Status::Ok, Changed(before, OauthClientView::from(&client)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let app = App::register(&admin, json!({})).await;
        let body = json!({"name": "New", "scopes": ["openid"], "redirect_uris": ["http://127.0.0.1/cb"]});
        let changed = admin.patch(&app.path(), "\"1\"", body).await.expect(200).json;
        assert_eq!((&changed["name"], &changed["generation"]), (&json!("New"), &json!(2)));
        assert_eq!(changed["redirect_uris"], json!(["http://127.0.0.1/cb"]));
        admin
            .patch(&app.path(), "\"1\"", json!({"name": "Old"}))
            .await
            .expect(412);
        let bare = admin.request(reqwest::Method::PATCH, &app.path()).json(&json!({}));
        admin.send(bare).await.expect(428);
        for bad in [
            json!({"scopes": ["session.delete"]}),
            json!({"redirect_uris": []}),
            json!({"grant_types": ["refresh_token"]}),
            json!({"kind": "public"}),
            json!({"jwks": {"keys": []}}),
        ] {
            admin.patch(&app.path(), "*", bad).await.expect(400);
        }
        App::register(&admin, json!({"name": "taken"})).await;
        admin
            .patch(&app.path(), "*", json!({"name": "taken"}))
            .await
            .expect(409);
    }
}
