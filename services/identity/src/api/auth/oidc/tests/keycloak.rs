//! The same against a real Keycloak, as people's browsers meet it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use auth::{Binding, Role};
use clock::Clock;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use testkit::TestTenant;

use crate::testing::provider::{AtDoor, SECRET, door, start_near_ports};
use crate::testing::{PASSWORD, Test};

/// A browser with its cookies, and the administrator beside it.
struct Keycloak {
    base: String,
    http: reqwest::Client,
    token: String,
    realm: String,
}

impl Keycloak {
    /// A realm with a client, a group and Ada in it.
    async fn set_up(base: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test's browser")]
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin";
        let answer = http
            .post(format!("{base}/realms/master/protocol/openid-connect/token"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let tokens: Value = answer.send().await.unwrap().json().await.unwrap();
        let keycloak = Self {
            base: base.to_owned(),
            http,
            token: tokens["access_token"].as_str().expect("an administrator").to_owned(),
            realm: format!("r{}", ids::TenantId::mint()),
        };
        let realm = &keycloak.realm;
        keycloak
            .admin("", json!({"realm": realm, "enabled": true, "sslRequired": "none"}))
            .await;
        keycloak
            .admin(&format!("/{realm}/groups"), json!({"name": "engineering"}))
            .await;
        let mapper = json!({
            "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
            "config": {"claim.name": "groups", "full.path": "false", "id.token.claim": "true", "access.token.claim": "false"},
        });
        let client = json!({
            "clientId": "yunshu", "secret": SECRET, "publicClient": false, "standardFlowEnabled": true,
            "redirectUris": ["https://cloud.example/sign-in/callback"], "protocolMappers": [mapper],
            "attributes": {"pkce.code.challenge.method": "S256"},
        });
        keycloak.admin(&format!("/{realm}/clients"), client).await;
        let ada = json!({
            "username": "ada", "email": "ada@corp.example", "emailVerified": true, "enabled": true, "firstName": "Ada",
            "lastName": "Lovelace", "groups": ["/engineering"],
            "credentials": [{"type": "password", "value": PASSWORD, "temporary": false}],
        });
        keycloak.admin(&format!("/{realm}/users"), ada).await;
        keycloak
    }

    async fn admin(&self, path: &str, body: Value) {
        let request = self.http.post(format!("{}/admin/realms{path}", self.base));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{path}: {status} {}", answer.text().await.unwrap());
    }

    fn issuer(&self) -> String {
        format!("{}/realms/{}", self.base, self.realm)
    }

    /// What a person does: fills in the form, and is sent back.
    async fn sign_in(&self, door: &AtDoor) -> BTreeMap<String, String> {
        let page = self.http.get(door.url.clone()).send().await.unwrap();
        assert_eq!(page.status(), 200, "{}", door.url);
        let cookies = page.headers().get_all(SET_COOKIE).iter();
        let cookies: Vec<&str> = cookies
            .filter_map(|value| value.to_str().ok()?.split(';').next())
            .collect();
        let cookies = cookies.join("; ");
        let html = page.text().await.unwrap();
        let form = html.split("id=\"kc-form-login\"").nth(1).expect("a form");
        let action = form
            .split("action=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&");
        let fields = format!("username=ada&password={}", PASSWORD.replace(' ', "+"));
        let request = self.http.request(Method::POST, action).header(COOKIE, cookies);
        let request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(fields);
        let back = request.send().await.unwrap();
        let location = back.headers().get(LOCATION).expect("sent back").to_str().unwrap();
        let url: Url = location.parse().unwrap();
        assert_eq!(url.path(), "/sign-in/callback", "{url}");
        url.query_pairs().into_owned().collect()
    }
}

fn with(at: &AtDoor, answer: &BTreeMap<String, String>) -> Value {
    json!({"secret": at.secret, "code": answer["code"], "state": answer["state"], "iss": answer["iss"]})
}

async fn set_up(test: &Test, tenant: &TestTenant, keycloak: &Keycloak) -> crate::testing::Person {
    let owner = test.person(tenant, "owner", Role::Owner).await;
    test.join(tenant, owner.id, "devs", &Binding::role(Role::Operator, None))
        .await;
    let body = json!({
        "name": "corp", "issuer": keycloak.issuer(), "client_id": "yunshu", "client_secret": SECRET, "create_users": true,
        "groups_claim": "groups", "groups": [{"value": "engineering", "group": "devs"}],
    });
    owner.client.post("/api/v1/identity-providers", body).await.expect(201);
    owner
}

/// On two busy cores its first start takes minutes.
const PATIENCE: Duration = Duration::from_mins(6);

/// The address of the Keycloak that `./dev test` starts, once it answers.
async fn keycloak_at() -> Option<String> {
    let base = std::env::var("YUNSHU_KEYCLOAK").ok()?;
    let document = format!("{base}/realms/master/.well-known/openid-configuration");
    #[expect(clippy::disallowed_methods, reason = "a test's own question")]
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        match http.get(&document).send().await {
            Ok(answer) if answer.status().is_success() => return Some(base),
            other => assert!(Instant::now() < end, "no Keycloak at {base}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn people_sign_in_by_keycloak_and_link_it() {
    let Some(base) = keycloak_at().await else {
        eprintln!("not run: YUNSHU_KEYCLOAK names no Keycloak; ./dev test starts one");
        return;
    };
    let port = base.parse::<Url>().unwrap().port().unwrap();
    let keycloak = Keycloak::set_up(&base).await;
    let test = start_near_ports(&Clock::system(), vec![port]).await;
    let tenant = test.bench.tenant("acme").await;
    let owner = set_up(&test, &tenant, &keycloak).await;
    let said = owner
        .client
        .post("/api/v1/identity-providers/corp:test", json!({}))
        .await
        .expect(200);
    assert_eq!(said.json["ok"], true, "{}", said.text);

    let at = test.leave("acme", "corp").await;
    let answer = keycloak.sign_in(&at).await;
    let complete = "/api/v1/auth/oidc/complete";
    let tokens = test.client.post(complete, with(&at, &answer)).await.expect(200).json;
    let me = test
        .enter(&tokens)
        .await
        .unwrap()
        .get("/api/v1/me")
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&me["user"]["email"], &me["user"]["display_name"], &me["roles"]),
        (&json!("ada@corp.example"), &json!("Ada Lovelace"), &json!(["operator"]))
    );
    test.client.post(complete, with(&at, &answer)).await.expect(401);

    // Its answers name the issuer: another's name, or none, is no answer of its.
    for iss in [json!("https://evil.example"), Value::Null] {
        let at = test.leave("acme", "corp").await;
        let mut body = with(&at, &keycloak.sign_in(&at).await);
        body["iss"] = iss;
        test.client.post(complete, body).await.expect(401);
    }

    // Ada's account there is hers here: nobody else links it.
    let begun = test.signed_in(&owner).await;
    let link = begun
        .post("/api/v1/me/identities", json!({"provider": "corp"}))
        .await
        .expect(201);
    let at = door(&link);
    let body = with(&at, &keycloak.sign_in(&at).await);
    begun.post("/api/v1/me/identities:confirm", body).await.expect(409);

    // Asked anew, it says when they have proven who they are, and what asks for that opens.
    let at = test
        .leave_with(json!({"tenant": "acme", "provider": "corp", "anew": true}))
        .await;
    let body = with(&at, &keycloak.sign_in(&at).await);
    let tokens = test.client.post(complete, body).await.expect(200).json;
    let fresh = test.enter(&tokens).await.unwrap();
    fresh
        .post("/api/v1/me/mfa/totp?dry_run=true", json!({}))
        .await
        .expect(200);
}
