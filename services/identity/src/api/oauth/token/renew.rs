use secrecy::ExposeSecret;
use web::Origin;

use super::{TokenRequest, missing, must_have};
use crate::api::auth::refresh;
use crate::api::oauth::granted::{Granted, as_client};
use crate::oauth::{Client, Code, GrantType, Refusal};
use crate::refresh::RefreshToken;
use crate::state::Identity;
use crate::store;

fn bad() -> Refusal {
    Refusal::new(
        Code::InvalidGrant,
        "The refresh token is not good, or no longer, or not this client's.",
    )
}

/// Turns a refresh token in for the next tokens of the same session.
pub(super) async fn renew(
    identity: &Identity,
    origin: &Origin,
    client: &Client,
    body: &TokenRequest,
) -> Result<Granted, Refusal> {
    must_have(client, GrantType::RefreshToken)?;
    let token = body.refresh_token.as_ref().ok_or_else(|| missing("refresh_token"))?;
    let token = RefreshToken::parse(token.expose_secret()).map_err(|_| bad())?;
    if !client.serves(token.tenant) {
        return Err(bad());
    }

    let mut tx = identity.begin_sign_in().await?;
    let live = store::grants::live(&mut tx, token.tenant, token.session).await?;
    drop(tx);
    // Scopes are narrowed when they are given, not later.
    let scopes = live.map(|live| live.scopes);
    let same = |scopes: &crate::oauth::Scopes| scopes.asked(body.scope.as_deref()).as_ref() == Some(scopes);
    if scopes.as_ref().is_some_and(|scopes| !same(scopes)) {
        return Err(Refusal::new(
            Code::InvalidScope,
            "Leave scope out: the tokens are for what was allowed.",
        ));
    }

    let renewed = refresh::renew(identity, &as_client(origin, client), &token, Some(client.id)).await?;
    let ((session, next), scopes) = renewed.zip(scopes).ok_or_else(bad)?;
    Ok(Granted::renewed(session, next, scopes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::oauth::App;
    use crate::testing::{settings, start, start_on, turn_in};

    #[tokio::test]
    async fn t15_each_refresh_token_is_good_once_and_a_copy_ends_the_session() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let first = app.let_in(&test, &ada, "openid").await;
        let second = app.renew(&test, &first).await.expect(200).json;
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        assert_eq!(second["scope"], "openid");
        assert!(second.get("id_token").is_none());
        clock.advance(Duration::from_secs(11));
        assert_eq!(
            app.renew(&test, &first).await.expect(400).json["error"],
            "invalid_grant"
        );
        app.renew(&test, &second).await.expect(400);
        assert!(test.enter(&second).await.is_none());
    }

    #[tokio::test]
    async fn a_refresh_token_is_its_clients_alone() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let (app, other) = (
            App::register(&ada, json!({})).await,
            App::register(&ada, json!({"name": "b"})).await,
        );
        let got = app.let_in(&test, &ada, "openid").await;
        other.renew(&test, &got).await.expect(400);
        turn_in(&test.client, &got).await.expect(401);
        let own = test
            .sign_in("ada@acme.example", crate::testing::PASSWORD)
            .await
            .expect(200)
            .json;
        app.renew(&test, &own).await.expect(400);
        turn_in(&test.client, &own).await.expect(200);
        app.renew(&test, &got).await.expect(200);
    }

    #[tokio::test]
    async fn scopes_neither_grow_nor_shrink_later() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let got = app.let_in(&test, &ada, "openid email").await;
        for scope in ["openid email profile", "openid", "all"] {
            let mut form = app.renewal(&got);
            form.push(("scope", scope.to_owned()));
            assert_eq!(
                test.form("token", &form).await.expect(400).json["error"],
                "invalid_scope",
                "{scope}"
            );
        }
        let mut form = app.renewal(&got);
        form.push(("scope", "email openid".to_owned()));
        test.form("token", &form).await.expect(200);
    }

    #[tokio::test]
    async fn a_client_without_this_grant_gets_no_refresh_token_and_ends_with_its_access_token() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({"grant_types": ["authorization_code"]})).await;
        let got = app.let_in(&test, &ada, "openid").await;
        assert!(got.get("refresh_token").is_none());
        let claims = test.check(&got).await;
        assert!(test.standing(&claims).await.unwrap().live);
        clock.advance(Duration::from_mins(5));
        assert!(!test.standing(&claims).await.unwrap().live);
    }
}
