//! A platform operator in a tenant's content, as a tenant and its operators live it: through the gateway, with their own
//! tokens, by the header that names the access.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;

use crate::through_the_gateway::{Cloud, Session};

struct Stage {
    cloud: Cloud,
    owner: Session,
    tenant: String,
    operator: Session,
}

impl Stage {
    async fn start() -> Self {
        let cloud = Cloud::start().await;
        let operator = cloud.operator_called("root@platform.example").await;
        let owner = cloud.sign_up("acme").await;
        let (_, me) = cloud.ask(Method::GET, "/me", Some(&owner.access), None).await;
        let tenant = me["tenant"]["id"].as_str().unwrap().to_owned();
        Self {
            cloud,
            owner,
            tenant,
            operator,
        }
    }

    async fn post(&self, who: &Session, path: &str, body: Value) -> (StatusCode, Value) {
        self.cloud.ask(Method::POST, path, Some(&who.access), Some(body)).await
    }

    /// The operator asks to look for an hour; the access' id.
    async fn asked(&self) -> String {
        let body = json!({"tenant_id": self.tenant, "role": "viewer", "reason": "a broken disk", "minutes": 60});
        let (status, made) = self.post(&self.operator, "/system/operator-access", body).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    /// A call with somebody's own token, by an access.
    async fn by(&self, who: &Session, access: &str, method: Method, path: &str) -> (StatusCode, Value) {
        let request = self
            .cloud
            .http
            .request(method, format!("{}/api/v1{path}", self.cloud.base));
        let request = request
            .bearer_auth(&who.access)
            .header("Yunshu-Operator-Access", access);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = format!("{}/api/v1{path}", self.cloud.base);
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.cloud.http.post(url).body(pairs.join("&"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// The operator lets a program in from a browser, by the code that it shows (RFC 8628).
    async fn program(&self, client: &str) -> Session {
        let (status, asked) = self.form("/oauth/device", &[("client_id", client)]).await;
        assert_eq!(status, 200, "{asked}");
        let body = json!({"user_code": asked["user_code"], "approve": true});
        let (status, decided) = self.post(&self.operator, "/oauth/device/decision", body).await;
        assert_eq!(status, 201, "{decided}");
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let code = asked["device_code"].as_str().unwrap();
        let pairs = [("grant_type", grant), ("device_code", code), ("client_id", client)];
        let (status, tokens) = self.form("/oauth/token", &pairs).await;
        assert_eq!(status, 200, "{tokens}");
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        Session {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    /// What operators have done, as the tenant's own log tells it, oldest first.
    async fn told(&self, entries: usize) -> Vec<Value> {
        let path = "/audit/events?action=tenant_access.use&sort=created_at&limit=100";
        eventually("the tenant's log has it", || async {
            let (_, log) = self.cloud.ask(Method::GET, path, Some(&self.owner.access), None).await;
            let items = log["items"].as_array()?.clone();
            (items.len() >= entries).then_some(items)
        })
        .await
    }

    async fn shut_out(&self, access: &str) -> Value {
        eventually("the operator is outside", || async {
            let (status, answer) = self.by(&self.operator, access, Method::GET, "/projects/default").await;
            (status == 403).then_some(answer)
        })
        .await
    }
}

fn bare(mut problem: Value) -> Value {
    problem["request_id"] = Value::Null;
    problem["instance"] = Value::Null;
    problem
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_an_operator_comes_in_by_consent_and_each_reading_is_in_the_tenants_log() {
    let stage = Stage::start().await;
    let access = stage.asked().await;
    let look = async || {
        stage
            .by(&stage.operator, &access, Method::GET, "/projects/default")
            .await
    };
    let (status, waiting) = look().await;
    assert_eq!(status, 403, "{waiting}");
    let (status, answer) = stage
        .cloud
        .ask(Method::GET, "/projects/default", Some(&stage.operator.access), None)
        .await;
    assert!(matches!(status.as_u16(), 403 | 404), "without the header: {answer}");

    let approve = format!("/operator-access/{access}:approve");
    let (status, granted) = stage.post(&stage.owner, &approve, json!({})).await;
    assert_eq!(
        (status.as_u16(), &granted["state"]),
        (200, &json!("granted")),
        "{granted}"
    );
    eventually("the operator is inside", || async {
        (look().await.0 == 200).then_some(())
    })
    .await;
    let (status, refused) = stage
        .by(&stage.operator, &access, Method::DELETE, "/projects/default")
        .await;
    assert_eq!(status, 403, "{refused}");
    let (status, refused) = stage.by(&stage.operator, &access, Method::POST, "/me/api-keys").await;
    assert_eq!(status, 403, "{refused}");

    let told = stage.told(3).await;
    for entry in &told {
        let mark = json!({"id": access, "kind": "consent", "reason": "a broken disk"});
        assert_eq!(entry["changes"]["operator_access"], mark, "{entry}");
        assert_eq!(entry["credential"], format!("operator_access:{access}"));
    }
    assert_eq!(told[0]["object"], "path:/api/v1/projects/default");
    assert_eq!(told[0]["changes"]["method"], "GET");

    let other = stage.cloud.sign_up("byte").await;
    let (_, theirs) = stage
        .cloud
        .ask(Method::GET, "/operator-access", Some(&other.access), None)
        .await;
    assert_eq!(theirs["items"], json!([]), "another tenant sees nothing of it");

    let end = format!("/operator-access/{access}:end");
    let (status, ended) = stage.post(&stage.owner, &end, json!({})).await;
    assert_eq!((status.as_u16(), &ended["state"]), (200, &json!("ended")));
    let over = stage.shut_out(&access).await;
    let (_, unknown) = stage
        .by(&stage.operator, &stage.tenant, Method::GET, "/projects/default")
        .await;
    assert_eq!(bare(over), bare(unknown), "what is over reads like what never was");
    assert_eq!(
        bare(waiting)["detail"],
        "This access is not in force, or not yours. Ask for one at \
        `/api/v1/system/operator-access`, or leave out `Yunshu-Operator-Access`."
    );

    // Misuse is in the platform's own log, which operators may read.
    let path = "/audit/events?action=tenant_access.use&outcome=denied";
    eventually("the platform's log has it", || async {
        let (_, log) = stage
            .cloud
            .ask(Method::GET, path, Some(&stage.operator.access), None)
            .await;
        (log["items"].as_array()?.len() >= 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_our_own_command_line_uses_what_its_operator_was_granted_and_no_other_program_does() {
    let stage = Stage::start().await;
    // Made as a careless hand at the database would: the endpoint refuses to register the second scope.
    stage
        .cloud
        .bench
        .alter(
            "insert into identity.oauth_clients (tenant_id, client_id, name, kind, redirect_uris, grant_types, scopes, created_at,
                                                 updated_at)
             values ($1, '0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3', 'theirs', 'public', '{}',
                     '{urn:ietf:params:oauth:grant-type:device_code,refresh_token}',
                     '{openid,project.read,tenant_access.use}', now(), now())",
            auth::PLATFORM,
        )
        .await;
    let cli = stage.program("yunshu-cli").await;
    let theirs = stage.program("0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3").await;
    let access = stage.asked().await;
    assert_eq!(
        stage.by(&cli, &access, Method::GET, "/projects/default").await.0,
        403,
        "not granted"
    );
    let approve = format!("/operator-access/{access}:approve");
    assert_eq!(stage.post(&stage.owner, &approve, json!({})).await.0, 200);

    eventually("the operator is inside", || async {
        let (status, _) = stage.by(&cli, &access, Method::GET, "/projects/default").await;
        (status == 200).then_some(())
    })
    .await;
    let (status, refused) = stage.by(&theirs, &access, Method::GET, "/projects/default").await;
    assert_eq!(status, 403, "another program: {refused}");
    let (status, refused) = stage.by(&cli, &access, Method::DELETE, "/projects/default").await;
    assert_eq!(status, 403, "no more than the access gives: {refused}");
    let entry = stage.told(1).await.remove(0);
    assert_eq!(entry["credential"], format!("operator_access:{access}"));
    assert_eq!(entry["changes"]["operator_access"]["kind"], "consent");
    assert!(entry["actor"].as_str().unwrap().starts_with("operator:"), "{entry}");

    // What asks for a fresh factor in the browser asks for one here.
    stage
        .cloud
        .bench
        .alter(
            "update identity.sessions set factor_at = now() - interval '1 hour' where tenant_id = $1 and client_id is not null",
            auth::PLATFORM,
        )
        .await;
    eventually("an emergency asks for a fresh factor", || async {
        let body = json!({"tenant_id": stage.tenant, "reason": "a fire"});
        let (status, refused) = stage.post(&cli, "/system/break-glass?dry_run=true", body).await;
        (status == 403 && refused["code"] == "step_up_required").then_some(())
    })
    .await;

    let (status, listed) = stage
        .cloud
        .ask(Method::GET, "/system/operator-access", Some(&cli.access), None)
        .await;
    assert_eq!((status.as_u16(), &listed["items"][0]["id"]), (200, &json!(access)));
    let end = format!("/operator-access/{access}:end");
    assert_eq!(stage.post(&stage.owner, &end, json!({})).await.0, 200);
    eventually("the operator is outside", || async {
        let (status, _) = stage.by(&cli, &access, Method::GET, "/projects/default").await;
        (status == 403).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_two_operators_break_the_glass_and_both_logs_tell_each_call() {
    let stage = Stage::start().await;
    let body = json!({"tenant_id": stage.tenant, "reason": "a fire"});
    let (status, made) = stage.post(&stage.operator, "/system/break-glass", body).await;
    assert_eq!(status, 201, "{made}");
    let access = made["id"].as_str().unwrap().to_owned();
    let confirm = format!("/system/break-glass/{access}:confirm");
    assert_eq!(stage.post(&stage.operator, &confirm, json!({})).await.0, 403, "alone");

    let second = stage.cloud.operator_called("toor@platform.example").await;
    let (status, refused) = stage.post(&second, &confirm, json!({})).await;
    assert_eq!(status, 403, "without a second factor: {refused}");
    stage
        .cloud
        .bench
        .alter(
            "insert into identity.factors (tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, created_at, updated_at)
             select tenant_id, gen_random_uuid(), user_id, 'totp', 'phone', 'x', now(), now(), now()
             from identity.users where tenant_id = $1 order by user_id desc limit 1",
            auth::PLATFORM,
        )
        .await;
    let (status, granted) = stage.post(&second, &confirm, json!({})).await;
    assert_eq!(
        (status.as_u16(), &granted["state"]),
        (200, &json!("granted")),
        "{granted}"
    );

    // The gateway may remember for some seconds that it was not in force.
    eventually("the operator is inside", || async {
        let (status, _) = stage
            .by(&stage.operator, &access, Method::GET, "/projects/default")
            .await;
        (status == 200).then_some(())
    })
    .await;
    let (status, _) = stage.by(&second, &access, Method::GET, "/projects/default").await;
    assert_eq!(status, 403, "the second opened it for the first");
    let told = stage.told(1).await;
    assert_eq!(told[0]["changes"]["operator_access"]["kind"], "break_glass");
    let path = "/audit/events?action=tenant_access.use&outcome=success";
    let ours = eventually("the platform's log has it", || async {
        let (_, log) = stage
            .cloud
            .ask(Method::GET, path, Some(&stage.operator.access), None)
            .await;
        log["items"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(ours["changes"]["tenant_id"], json!(stage.tenant));
    assert_eq!(ours["changes"]["operator_access"]["reason"], "a fire");
}
