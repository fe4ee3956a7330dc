use actix_web::post;
use actix_web::web::Data;
use auth::action::authorization;
use chrono::TimeDelta;
use db::{Created, Outcome, Status, Subject};
use fault::Kind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use super::authorize::refused;
use super::{Ask, Asked};
use crate::oauth::client::{parse_id, wire_id};
use crate::oauth::{Client, Code, redirect};
use crate::once::Token;
use crate::state::Identity;
use crate::store;
use crate::store::oauth_codes::Allowed;

/// A code is turned in at once, or not at all.
const LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// What a person decides on, as the client asked for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// The client.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", max_length = 40)]
    pub client_id: String,
    /// Where the answer goes.
    #[schema(example = "https://app.example/callback", max_length = 500)]
    pub redirect_uri: String,
    /// For what.
    #[schema(example = "openid email", max_length = 8000)]
    pub scope: Option<String>,
    /// Comes back with the answer.
    #[schema(example = "af0ifjsldkj", max_length = 1024)]
    pub state: Option<String>,
    /// Comes back in the id token.
    #[schema(example = "n-0S6_WzA2Mj", max_length = 255)]
    pub nonce: Option<String>,
    /// SHA-256 of the verifier, base64url.
    #[schema(example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", max_length = 43)]
    pub code_challenge: String,
    /// Is the client let in?
    #[schema(example = true)]
    pub approve: bool,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authorization {
    /// The client.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub client_id: String,
    /// What it is called.
    #[schema(example = "Grafana")]
    pub client_name: String,
    /// For what.
    #[schema(example = json!(["email", "openid"]))]
    pub scopes: Vec<String>,
    /// Was it let in?
    pub approved: bool,
    /// Where the browser goes now; null on a dry run. Holds a code.
    #[schema(example = "https://app.example/callback?code=yac_x&state=af0ifjsldkj&iss=https%3A%2F%2Fcloud.example")]
    pub redirect_to: Option<String>,
}

impl Subject for Authorization {
    const SECRET: bool = true;

    fn object(&self) -> String {
        format!("oauth_client:{}", self.client_id)
    }

    fn record(&self) -> Value {
        json!({"client_id": self.client_id, "scopes": self.scopes, "approved": self.approved})
    }
}

/// Lets a client in, or does not.
#[utoipa::path(
    operation_id = "decide_authorization",
    tag = "oauth",
    description = "What the page calls that `GET /oauth/authorize` leads to. A dry run says who asks for what. The code is good \
                   for a minute, once, for this client, this redirect URI and whoever made the challenge. Only somebody who is \
                   signed in decides, no key and no other client.",
    params(DryRun),
    request_body(content = Decide, description = "What the client asked for, and the decision"),
    responses((status = 201, description = "Decided", body = Authorization), Refusals),
    security(("bearer" = [])),
)]
#[post("/oauth/authorize")]
pub async fn decide_authorization(
    ask: Change<authorization::Create, Decide>,
    identity: Data<Identity>,
) -> Outcome<Authorization> {
    let body = &ask.body;
    let (user, session) = ask
        .caller()
        .user()
        .zip(ask.caller().session())
        .ok_or_else(only_people)?;
    let id = parse_id(&body.client_id).ok_or_else(unknown)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let client = store::oauth_clients::serving(&mut tx, id).await?;
    let client = client
        .filter(|client| client.answers_at(&body.redirect_uri))
        .ok_or_else(unknown)?;
    let asked = Ask::check(&client, &body.as_asked())
        .map_err(|(code, description)| fault::Error::new(Kind::Invalid, format!("{}: {description}", code.name())))?;
    let sign_in = store::grants::sign_in(&mut tx, user, session)
        .await?
        .ok_or_else(only_people)?;

    let issuer = identity.keys.issuer();
    let place = if body.approve {
        let code = Token::make("yac_");
        let allowed = Allowed {
            client: client.id,
            user,
            redirect_uri: Some(body.redirect_uri.clone()),
            challenge: Some(asked.challenge),
            nonce: asked.nonce,
            scopes: asked.scopes.clone(),
            sign_in,
        };
        let until = tx.now() + LIFETIME;
        store::oauth_codes::insert(&mut tx, &tenant, &code.digest(), &allowed, until).await?;
        let code = code.reveal();
        let mut answer = vec![("code", code.as_str())];
        answer.extend(body.state.as_deref().map(|state| ("state", state)));
        answer.push(("iss", issuer));
        redirect::with(&body.redirect_uri, &answer)
    } else {
        let no = (Code::AccessDenied, "The person has said no.");
        refused(&body.redirect_uri, no, body.state.as_deref(), issuer)
    };

    let redirect_to = (!tx.is_dry_run()).then_some(place);
    let decided = body.decided(&client, asked.scopes.names(), redirect_to);
    tx.finish(Status::Created, Created(decided)).await
}

impl Decide {
    fn as_asked(&self) -> Asked {
        Asked {
            response_type: Some("code".to_owned()),
            scope: self.scope.clone(),
            state: self.state.clone(),
            nonce: self.nonce.clone(),
            code_challenge: Some(self.code_challenge.clone()),
            code_challenge_method: Some("S256".to_owned()),
            ..Asked::default()
        }
    }

    fn decided(&self, client: &Client, scopes: &[String], redirect_to: Option<String>) -> Authorization {
        Authorization {
            client_id: wire_id(client.id),
            client_name: client.name.clone(),
            scopes: scopes.to_vec(),
            approved: self.approve,
            redirect_to,
        }
    }
}

/// A client of another tenant is none.
fn unknown() -> fault::Error {
    fault::Error::not_found("OAuth client")
}

pub(super) fn only_people() -> fault::Error {
    let detail = "Only a person lets clients in, signed in by themself: no key, no machine and no other client.";
    fault::Error::new(Kind::Forbidden, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::oauth::{App, CALLBACK};
    use crate::testing::start;

    const PATH: &str = "/api/v1/oauth/authorize";

    #[tokio::test]
    async fn a_dry_run_says_who_asks_and_gives_no_code() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({"name": "Grafana"})).await;
        let shown = ada
            .post(&format!("{PATH}?dry_run=true"), app.decision("openid email", true))
            .await;
        let shown = shown.expect(200).json;
        assert_eq!(
            (&shown["client_name"], &shown["scopes"]),
            (&json!("Grafana"), &json!(["email", "openid"]))
        );
        assert!(shown["redirect_to"].is_null());
        assert_eq!(test.dump("identity.oauth_codes").await, "");
    }

    #[tokio::test]
    async fn the_answer_says_code_state_and_who_gives_it() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let yes = ada.post(PATH, app.decision("openid", true)).await.expect(201).json;
        let place = yes["redirect_to"].as_str().unwrap();
        assert!(place.starts_with(&format!("{CALLBACK}?code=yac_")), "{place}");
        assert!(
            place.ends_with("&state=xyz&iss=https%3A%2F%2Fcloud.example"),
            "mix-up: {place}"
        );
        let no = ada.post(PATH, app.decision("openid", false)).await.expect(201).json;
        let place = no["redirect_to"].as_str().unwrap();
        assert!(
            place.contains("?error=access_denied&") && place.contains("&iss="),
            "{place}"
        );
    }

    #[tokio::test]
    async fn t24_no_code_and_no_secret_is_kept_or_logged() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let code = app.code(&ada, "openid").await;
        let secret = app.secret.clone().unwrap();
        for table in [
            "identity.oauth_codes",
            "identity.oauth_clients",
            "identity.replies",
            "bus.outbox",
        ] {
            let dump = test.dump(table).await;
            for hidden in [&code[4..], &secret[4..]] {
                assert!(!dump.contains(hidden), "{table}");
            }
        }
    }

    #[tokio::test]
    async fn t01_anothers_client_is_none_and_reads_like_one_that_never_was() {
        let test = start().await;
        let (ada, eve) = (test.enter_new("acme").await, test.enter_new("evil").await);
        let app = App::register(&eve, json!({})).await;
        let foreign = ada.post(PATH, app.decision("openid", true)).await.expect(404);
        let never = App {
            id: ids::OauthClientId::mint().to_string(),
            secret: None,
        };
        let never = ada.post(PATH, never.decision("openid", true)).await.expect(404);
        assert_eq!(foreign.without_request(), never.without_request());
    }

    #[tokio::test]
    async fn t14_only_a_person_who_signed_in_decides() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        let key = ada
            .post("/api/v1/me/api-keys", json!({"name": "a"}))
            .await
            .expect(201)
            .json["key"]
            .clone();
        let by_key = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        by_key.post(PATH, app.decision("openid", true)).await.expect(403);
        let tokens = app.let_in(&test, &ada, "openid").await;
        let client = test.enter(&tokens).await.unwrap();
        client.post(PATH, app.decision("openid", true)).await.expect(403);
        test.client.post(PATH, app.decision("openid", true)).await.expect(401);
    }

    #[tokio::test]
    async fn what_is_asked_is_checked_again() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let app = App::register(&ada, json!({})).await;
        for (field, value, status) in [
            ("redirect_uri", "https://app.example/callback/", 404),
            ("scope", "audit.list", 400),
            ("code_challenge", "plain", 400),
            ("client_id", "nobody", 404),
            ("more", "x", 400),
        ] {
            let mut body = app.decision("openid", true);
            body[field] = json!(value);
            ada.post(PATH, body).await.expect(status);
        }
    }
}
