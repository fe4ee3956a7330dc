use auth::Action;
use auth::action::authorization;
use db::SystemTx;
use secrecy::ExposeSecret;
use web::Origin;

use super::{TokenRequest, missing, must_have};
use crate::api::auth::record_refusal;
use crate::api::oauth::granted::{self, Granted};
use crate::oauth::{Client, Code, GrantType, Refusal};
use crate::once::{self, TokenDigest};
use crate::state::Identity;
use crate::store;
use crate::store::oauth_codes::Kept;
use crate::store::sessions::Why;

/// Whatever is wrong with a code reads the same.
fn bad() -> Refusal {
    Refusal::new(
        Code::InvalidGrant,
        "The code is not good, or no longer, or not for this client, redirect_uri and code_verifier.",
    )
}

/// Turns a code in.
pub(super) async fn redeem(
    identity: &Identity,
    origin: &Origin,
    client: &Client,
    body: &TokenRequest,
) -> Result<Granted, Refusal> {
    must_have(client, GrantType::AuthorizationCode)?;
    let code = body.code.as_ref().ok_or_else(|| missing("code"))?;
    let verifier = body.code_verifier.as_ref().ok_or_else(|| missing("code_verifier"))?;
    let uri = body.redirect_uri.as_ref().ok_or_else(|| missing("redirect_uri"))?;

    let code = once::digest(code.expose_secret());
    prepare(identity, &code).await?;
    let mut tx = identity.begin_sign_in().await?;
    let kept = store::oauth_codes::claim(&mut tx, &code).await?;
    // Another client learns nothing of a code, and spends none.
    let kept = kept.filter(|kept| kept.allowed.client == client.id).ok_or_else(bad)?;
    if kept.used {
        reused(&mut tx, origin, &kept).await?;
        tx.commit().await?;
        return Err(bad());
    }
    let challenge = kept.allowed.challenge.as_ref();
    let right = tx.now() < kept.expires_at
        && kept.allowed.redirect_uri.as_ref() == Some(uri)
        && challenge.is_some_and(|challenge| challenge.is_of(verifier.expose_secret()));
    if !right {
        // Whoever has it and not what belongs to it has taken it from somebody; they get no second try.
        store::oauth_codes::spend(&mut tx, &kept, None).await?;
        refuse(&mut tx, origin, &kept, "wrong_verifier_or_redirect_uri")?;
        tx.commit().await?;
        return Err(bad());
    }
    let granted = granted::begin(&mut tx, identity, origin, client, (kept.tenant, &kept.allowed)).await?;
    store::oauth_codes::spend(&mut tx, &kept, Some(granted.session.id)).await?;
    tx.commit().await?;
    Ok(granted)
}

/// Has the keys at hand with which the session begins that a code is turned in for.
pub(super) async fn prepare(identity: &Identity, code: &TokenDigest) -> Result<(), Refusal> {
    let mut tx = identity.begin_sign_in().await?;
    let tenant = store::oauth_codes::tenant_of(&mut tx, code).await?;
    drop(tx);
    if let Some(tenant) = tenant {
        identity.at_the_door(tenant).await?;
    }
    Ok(())
}

/// A code that comes again was seen by two: what the first of them got ends (RFC 6749, 4.1.2).
async fn reused(tx: &mut SystemTx, origin: &Origin, kept: &Kept) -> Result<(), Refusal> {
    tracing::warn!(client = %kept.allowed.client, tenant = %kept.tenant, "an authorization code was used twice");
    if let Some(session) = kept.session {
        store::sessions::revoke(tx, kept.tenant, session, Why::Reuse).await?;
    }
    refuse(tx, origin, kept, "authorization_code_reused")
}

fn refuse(tx: &mut SystemTx, origin: &Origin, kept: &Kept, code: &str) -> Result<(), Refusal> {
    let object = format!("oauth_client:{}", kept.allowed.client);
    record_refusal(tx, kept.tenant, origin, authorization::Create::INFO, (object, code))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::Bench;

    use crate::testing::oauth::{App, Form, VERIFIER, claims_of};
    use crate::testing::{settings, start, start_on};

    #[tokio::test]
    async fn a_code_gives_tokens_that_say_who_signed_in() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test
            .sign_in(&owner.email, crate::testing::PASSWORD)
            .await
            .expect(200)
            .json;
        let ada = test.enter(&tokens).await.unwrap();
        let app = App::register(&ada, json!({})).await;
        let got = app.let_in(&test, &ada, "openid email profile project.read").await;
        assert_eq!(
            (&got["token_type"], &got["expires_in"]),
            (&json!("Bearer"), &json!(300))
        );
        assert_eq!(got["scope"], "email openid profile project.read");
        let id = claims_of(&got["id_token"]);
        let me = test.check(&tokens).await;
        assert_eq!(
            (&id["iss"], &id["aud"]),
            (&json!("https://cloud.example"), &json!(app.id))
        );
        assert_eq!((&id["sub"], &id["nonce"]), (&json!(me.sub), &json!("n-1")));
        assert_eq!(
            (&id["email"], &id["acr"], &id["amr"]),
            (&json!(owner.email), &json!("aal1"), &json!(["pwd"]))
        );
        assert!(id["auth_time"].is_i64() && id["at_hash"].as_str().unwrap().len() == 43);
        let access = test.check(&got).await;
        assert_eq!(
            (access.client_id.as_deref(), access.sub),
            (Some(app.id.as_str()), me.sub)
        );
    }

    #[tokio::test]
    async fn t16_an_id_token_opens_nothing() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let got = app.let_in(&test, &ada, "openid").await;
        let keys = test.client.get("/.well-known/jwks.json").await.expect(200);
        let keys = serde_json::from_value(keys.json).unwrap();
        let verifier = auth::token::Verifier::new(crate::testing::ISSUER, &keys);
        assert!(verifier.check(got["access_token"].as_str().unwrap()).is_ok());
        assert!(verifier.check(got["id_token"].as_str().unwrap()).is_err());
    }

    #[tokio::test]
    async fn a_token_does_what_its_scopes_say_and_never_more_than_its_person() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let ada = test.signed_in_person(&tenant, "ada", Role::Owner).await;
        let bob = test.signed_in_person(&tenant, "bob", Role::Viewer).await;
        let app = App::register(&ada, json!({"scopes": ["openid", "project.*", "vm.read"]})).await;
        let narrow = app.let_in(&test, &ada, "project.read").await;
        let narrow = test.enter(&narrow).await.unwrap();
        narrow.get("/api/v1/projects/default").await.expect(200);
        narrow.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        narrow.get("/api/v1/me").await.expect(403);
        narrow.get("/api/v1/oauth/userinfo").await.expect(403);
        let weak = app.let_in(&test, &bob, "project.create project.read").await;
        let weak = test.enter(&weak).await.unwrap();
        weak.get("/api/v1/projects/default").await.expect(200);
        weak.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
    }

    #[tokio::test]
    async fn a_second_use_ends_what_the_first_gave() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        let got = app.redeem(&test, &code).await.expect(200).json;
        assert!(test.enter(&got).await.is_some());
        let again = app.redeem(&test, &code).await.expect(400);
        assert_eq!(again.json["error"], "invalid_grant");
        assert!(test.enter(&got).await.is_none());
        app.renew(&test, &got).await.expect(400);
    }

    #[tokio::test]
    async fn of_fifty_who_bring_a_code_at_once_one_gets_tokens() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        let all = futures::future::join_all((0..50).map(|_| app.redeem(&test, &code))).await;
        let won: Vec<_> = all.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(won.len(), 1, "one winner");
        assert!(
            all.iter()
                .all(|reply| reply.status == 200 || reply.json["error"] == "invalid_grant")
        );
        assert!(test.enter(&won[0].json).await.is_none(), "and it is not for long");
    }

    #[tokio::test]
    async fn a_code_is_good_for_a_minute() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let (young, old) = (app.code(&ada, "openid").await, app.code(&ada, "openid").await);
        clock.advance(Duration::from_secs(59));
        app.redeem(&test, &young).await.expect(200);
        clock.advance(Duration::from_secs(1));
        app.redeem(&test, &old).await.expect(400);
    }

    #[tokio::test]
    async fn a_code_is_for_whoever_made_the_challenge_and_gives_no_second_try() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let other = "x".repeat(43);
        for (field, value) in [
            ("code_verifier", other.as_str()),
            ("redirect_uri", "https://app.example/callback/"),
        ] {
            let code = app.code(&ada, "openid").await;
            let mut form = app.form(&code);
            form.retain(|(name, _)| *name != field);
            form.push((field, value.to_owned()));
            let refused = test.form("token", &form).await.expect(400);
            assert_eq!(refused.json["error"], "invalid_grant", "{field}");
            app.redeem(&test, &code).await.expect(400);
        }
        let code = app.code(&ada, "openid").await;
        for field in ["code_verifier", "redirect_uri", "code", "grant_type"] {
            let mut form = app.form(&code);
            form.retain(|(name, _)| *name != field);
            assert_eq!(
                test.form("token", &form).await.expect(400).json["error"],
                "invalid_request",
                "{field}"
            );
        }
        app.redeem(&test, &code).await.expect(200);
    }

    #[tokio::test]
    async fn a_code_is_for_its_client_alone_and_another_cannot_spend_it() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let (app, other) = (
            App::register(&ada, json!({})).await,
            App::register(&ada, json!({"name": "b"})).await,
        );
        let code = app.code(&ada, "openid").await;
        assert_eq!(
            other.redeem(&test, &code).await.expect(400).json["error"],
            "invalid_grant"
        );
        app.redeem(&test, &code).await.expect(200);
    }

    #[tokio::test]
    async fn a_client_proves_who_it_is() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        let with = async |change: &dyn Fn(&mut Form)| {
            let mut form = app.form(&code);
            change(&mut form);
            test.form("token", &form).await
        };
        let without = with(&|form| form.retain(|(name, _)| *name != "client_secret"))
            .await
            .expect(401);
        assert_eq!(without.json["error"], "invalid_client");
        assert_eq!(without.header("www-authenticate"), "Basic realm=\"yunshu\"");
        let wrong = with(&|form| {
            form.retain(|(name, _)| *name != "client_secret");
            form.push(("client_secret", "yos_wrong".to_owned()));
        });
        let wrong = wrong.await.expect(401);
        let unknown = with(&|form| {
            form.retain(|(name, _)| *name != "client_id");
            form.push(("client_id", ids::OauthClientId::mint().to_string()));
        });
        let unknown = unknown.await.expect(401);
        assert_eq!(wrong.without_request(), unknown.without_request());
        with(&|form| form.push(("client_id", app.id.clone()))).await.expect(400);
        with(&|form| form.push(("extra", "1".to_owned()))).await.expect(400);
        app.redeem_basic(&test, &code).await.expect(200);
    }

    #[tokio::test]
    async fn a_public_client_has_no_secret_and_a_confidential_one_cannot_do_without() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({"kind": "public"})).await;
        assert_eq!(app.secret, None);
        let code = app.code(&ada, "openid").await;
        let mut form = app.form(&code);
        form.push(("client_secret", "x".to_owned()));
        test.form("token", &form).await.expect(401);
        app.redeem(&test, &code).await.expect(200);
    }

    #[tokio::test]
    async fn what_a_client_got_ends_with_it() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let got = app.let_in(&test, &ada, "openid").await;
        let code = app.code(&ada, "openid").await;
        assert!(test.enter(&got).await.is_some());
        ada.patch(&app.path(), "*", json!({"enabled": false})).await.expect(200);
        assert!(test.enter(&got).await.is_none(), "t17: felt at the next question");
        app.redeem(&test, &code).await.expect(401);
        ada.patch(&app.path(), "*", json!({"enabled": true})).await.expect(200);
        assert!(test.enter(&got).await.is_some());
        ada.delete_if(&app.path(), "*").await.expect(204);
        assert!(test.enter(&got).await.is_none());
        app.renew(&test, &got).await.expect(401);
    }

    #[tokio::test]
    async fn whoever_is_disabled_gives_nothing() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test
            .sign_in(&owner.email, crate::testing::PASSWORD)
            .await
            .expect(200)
            .json;
        let ada = test.enter(&tokens).await.unwrap();
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        test.disable(&owner).await;
        assert_eq!(
            app.redeem(&test, &code).await.expect(400).json["error"],
            "invalid_grant"
        );
    }

    #[tokio::test]
    async fn t24_nothing_that_lets_in_is_kept_or_logged() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        let got = app.redeem(&test, &code).await.expect(200).json;
        let said = |value: &Value| value.as_str().unwrap().to_owned();
        let secrets = [
            code,
            said(&got["access_token"]),
            said(&got["id_token"]),
            said(&got["refresh_token"]),
        ];
        for table in [
            "identity.oauth_codes",
            "identity.sessions",
            "identity.replies",
            "bus.outbox",
        ] {
            let dump = test.dump(table).await;
            assert!(secrets.iter().all(|secret| !dump.contains(secret)), "{table}");
            assert!(!dump.contains(VERIFIER), "{table}");
        }
    }
}
