//! People of one platform sign in at another.

use std::collections::BTreeMap;
use std::net::TcpListener;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::through_the_gateway::{Cloud, Session};

/// Where whoever vouches for people is found, and vouches as.
struct Home {
    cloud: Cloud,
    port: u16,
}

impl Home {
    async fn start() -> Self {
        // Its address is its name, so it must be known before it starts.
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let cloud = Cloud::start_with(|config| {
            config["issuer"] = json!(format!("https://localhost:{port}"));
            config["gateway"]["tls"] = json!(format!("127.0.0.1:{port}"));
        });
        let cloud = cloud.await;
        Self { cloud, port }
    }

    /// What an owner does so that their people can be vouched for.
    async fn register(&self, owner: &Session, callback: &str) -> (String, String) {
        let body = json!({"name": "Elsewhere", "kind": "confidential", "redirect_uris": [callback],
                          "grant_types": ["authorization_code"], "scopes": ["openid", "email", "profile"]});
        let made = self
            .cloud
            .ask(Method::POST, "/oauth-clients", Some(&owner.access), Some(body));
        let (status, made) = made.await;
        assert_eq!(status, 201, "{made}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made["client"]["id"]), text(&made["client_secret"]))
    }

    /// What a person does who is sent here: says yes, and is sent back with the answer.
    async fn consent(&self, person: &Session, url: &Url) -> BTreeMap<String, String> {
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let decision = json!({
            "client_id": asked["client_id"], "redirect_uri": asked["redirect_uri"], "scope": asked["scope"],
            "state": asked["state"], "nonce": asked["nonce"], "code_challenge": asked["code_challenge"], "approve": true,
        });
        let decided = self
            .cloud
            .ask(Method::POST, "/oauth/authorize", Some(&person.access), Some(decision));
        let (status, decided) = decided.await;
        assert_eq!(status, 201, "{decided}");
        let back: Url = decided["redirect_to"].as_str().unwrap().parse().unwrap();
        back.query_pairs().into_owned().collect()
    }
}

struct Elsewhere(Cloud);

impl Elsewhere {
    async fn start(home: &Home) -> Self {
        let providers =
            json!({"networks": ["127.0.0.0/8", "::1/128"], "ports": [home.port], "roots": home.cloud.authority()});
        Self(Cloud::start_with(|config| config["identity"] = json!({"providers": providers})).await)
    }

    async fn post(&self, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
        let (status, said) = self.0.ask(Method::POST, path, token, Some(body)).await;
        (status.as_u16(), said)
    }

    /// Who came in with this answer.
    async fn come_in(&self, answer: &Value) -> Value {
        let (status, session) = self.post("/auth/oidc/complete", None, answer.clone()).await;
        assert_eq!(
            (status, &session["status"]),
            (200, &json!("authenticated")),
            "{session}"
        );
        let access = session["access_token"].as_str().unwrap();
        self.0.ask(Method::GET, "/me", Some(access), None).await.1
    }

    /// Goes to the provider and comes back with its answer.
    async fn leave(&self, home: &Home, person: &Session) -> Value {
        let which = json!({"tenant": "acme", "provider": "home"});
        let (status, begun) = self.post("/auth/oidc/begin", None, which).await;
        assert_eq!(status, 200, "{begun}");
        Self::go(home, person, begun).await
    }

    async fn go(home: &Home, person: &Session, begun: Value) -> Value {
        let url: Url = begun["authorization_url"].as_str().unwrap().parse().unwrap();
        assert_eq!(
            (url.port(), url.path()),
            (Some(home.port), "/api/v1/oauth/authorize"),
            "{url}"
        );
        let answer = home.consent(person, &url).await;
        json!({"secret": begun["secret"], "code": answer["code"], "state": answer["state"], "iss": answer["iss"]})
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t16_people_of_another_platform_come_in_by_its_word_and_by_nobody_elses() {
    let home = Home::start().await;
    let elsewhere = Elsewhere::start(&home).await;
    let callback = format!("{}/sign-in/callback", elsewhere.0.issuer());
    let ada = home.cloud.sign_up("corp").await;
    let (client_id, client_secret) = home.register(&ada, &callback).await;

    let owner = elsewhere.0.sign_up("acme").await;
    let token = Some(owner.access.as_str());
    let provider = json!({"name": "home", "issuer": home.cloud.issuer(), "client_id": client_id,
                          "client_secret": client_secret, "create_users": true});
    let (status, made) = elsewhere.post("/identity-providers", token, provider).await;
    assert_eq!(status, 201, "{made}");
    let (_, said) = elsewhere.post("/identity-providers/home:test", token, json!({})).await;
    assert_eq!(said["ok"], true, "{said}");

    // That platform tells an address and not that it was ever proven: nobody is made of it.
    let unproven = elsewhere.leave(&home, &ada).await;
    let (status, said) = elsewhere.post("/auth/oidc/complete", None, unproven).await;
    assert_eq!(status, 403, "{said}");

    let (status, begun) = elsewhere
        .post("/me/identities", token, json!({"provider": "home"}))
        .await;
    assert_eq!(status, 201, "{begun}");
    let link = Elsewhere::go(&home, &ada, begun).await;
    let (status, said) = elsewhere.post("/me/identities:confirm", token, link).await;
    assert_eq!(status, 201, "{said}");

    let answer = elsewhere.leave(&home, &ada).await;
    let first = elsewhere.come_in(&answer).await;
    assert_eq!(
        (&first["user"]["email"], &first["tenant"]["name"]),
        (&json!("owner@acme.example"), &json!("acme")),
        "whoever linked it, though the address there is another"
    );
    let refused = elsewhere.post("/auth/oidc/complete", None, answer).await;
    assert_eq!(refused.0, 401, "an answer is good once: {}", refused.1);
    let again = elsewhere.leave(&home, &ada).await;
    assert_eq!(elsewhere.come_in(&again).await["user"]["id"], first["user"]["id"]);

    // The code of another sign-in, though of the same person, and an answer that names another issuer.
    let mut mixed = elsewhere.leave(&home, &ada).await;
    let stolen = elsewhere.leave(&home, &ada).await;
    mixed["code"] = stolen["code"].clone();
    let mut misnamed = elsewhere.leave(&home, &ada).await;
    misnamed["iss"] = json!(elsewhere.0.base);
    for answer in [mixed, misnamed] {
        let (status, said) = elsewhere.post("/auth/oidc/complete", None, answer).await;
        assert_eq!(status, 401, "{said}");
    }
}
