//! A client and a person's browser at the gateway.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::through_the_gateway::{Cloud, Session};

const CALLBACK: &str = "https://app.example/callback";
/// Of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

struct App<'a> {
    cloud: &'a Cloud,
    id: String,
    secret: String,
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl<'a> App<'a> {
    async fn register(cloud: &'a Cloud, owner: &Session) -> Self {
        let body = json!({"name": "App", "kind": "confidential", "redirect_uris": [CALLBACK],
                          "grant_types": ["authorization_code", "refresh_token"], "scopes": ["openid", "email"]});
        let made = cloud
            .ask(Method::POST, "/oauth-clients", Some(&owner.access), Some(body))
            .await;
        assert_eq!(made.0, 201, "{}", made.1);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            cloud,
            id: text(&made.1["client"]["id"]),
            secret: text(&made.1["client_secret"]),
        }
    }

    /// As RFC 6749 has it first: the secret in a header.
    async fn post(&self, endpoint: &str, pairs: &[(&str, &str)]) -> (u16, Value) {
        let request = self
            .cloud
            .http
            .post(format!("{}/api/v1/oauth/{endpoint}", self.cloud.base))
            .basic_auth(&self.id, Some(&self.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(pairs));
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    async fn let_in(&self, person: &Session) -> Value {
        let decision = json!({"client_id": self.id, "redirect_uri": CALLBACK, "scope": "openid email",
                              "code_challenge": CHALLENGE, "approve": true});
        let cloud = self.cloud;
        let decided = cloud
            .ask(Method::POST, "/oauth/authorize", Some(&person.access), Some(decision))
            .await;
        assert_eq!(decided.0, 201, "{}", decided.1);
        let place = decided.1["redirect_to"].as_str().unwrap().to_owned();
        let query = place.split_once('?').unwrap().1;
        let code = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "code")
            .unwrap()
            .1;
        let turned_in = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let (status, tokens) = self.post("token", &turned_in).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }
}

async fn userinfo(cloud: &Cloud, tokens: &Value) -> (u16, Value) {
    let access = tokens["access_token"].as_str().unwrap();
    let (status, said) = cloud.ask(Method::GET, "/oauth/userinfo", Some(access), None).await;
    (status.as_u16(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_a_client_is_let_in_learns_who_it_is_and_is_out_within_seconds() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let app = App::register(&cloud, &owner).await;
    let at = |path: &str| cloud.http.get(format!("{}{path}", cloud.base));
    let described = at("/.well-known/openid-configuration").send().await.unwrap();
    let described: Value = described.json().await.unwrap();
    let issuer = described["issuer"].as_str().unwrap();
    assert_eq!(described["token_endpoint"], format!("{issuer}/api/v1/oauth/token"));

    let query = form(&[
        ("response_type", "code"),
        ("client_id", &app.id),
        ("redirect_uri", CALLBACK),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let sent = at(&format!("/api/v1/oauth/authorize?{query}")).send().await.unwrap();
    let place = sent.headers()["location"].to_str().unwrap().to_owned();
    assert!(sent.status() == 303 && place.starts_with("/authorize?ask="), "{place}");
    assert_eq!(at(&place).send().await.unwrap().status(), 200, "the portal's page");

    let tokens = app.let_in(&owner).await;
    let (status, said) = userinfo(&cloud, &tokens).await;
    assert_eq!((status, &said["email"]), (200, &json!("owner@acme.example")));
    let access = tokens["access_token"].as_str().unwrap();
    let (status, _) = cloud.ask(Method::GET, "/me", Some(access), None).await;
    assert_eq!(status, 403, "no more than its scopes");
    let (_, worth) = app.post("introspect", &[("token", access)]).await;
    assert_eq!(worth["active"], true);

    let (status, _) = app.post("revoke", &[("token", access)]).await;
    assert_eq!(status, 200);
    eventually("the token is dead", || async {
        (userinfo(&cloud, &tokens).await.0 == 401).then_some(())
    })
    .await;
}
