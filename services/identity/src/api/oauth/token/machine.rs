use auth::action::session;
use auth::token::LIFETIME_SECONDS;
use auth::{Action, Permissions, Principal};
use chrono::TimeDelta;
use db::{AuditEvent, AuditOutcome};
use ids::{EventId, SessionId};
use serde_json::json;
use web::Origin;

use super::{EVERYTHING, TokenRequest};
use crate::api::oauth::OauthTokens;
use crate::oauth::{Code, Refusal};
use crate::state::Identity;
use crate::store;
use crate::store::account_sessions::Machine;

/// The scopes of a machine's token: any actions, as far as its account may do them.
fn scopes(text: Option<&str>) -> Result<Option<Permissions>, Refusal> {
    let names: Vec<String> = text
        .unwrap_or_default()
        .split(' ')
        .filter(|name| !name.is_empty() && *name != EVERYTHING)
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Ok(None);
    }
    let bad = || {
        Refusal::new(
            Code::InvalidScope,
            "Scopes are names of actions such as vm.read, or vm.* for all of a resource.",
        )
    };
    if names.len() > Permissions::MOST {
        return Err(bad());
    }
    Permissions::check(&names).map(Some).map_err(|_| bad())
}

/// Gives a machine an access token; it proves itself again for the next.
pub(super) async fn issue(
    identity: &Identity,
    origin: &Origin,
    machine: &Machine,
    body: &TokenRequest,
) -> Result<OauthTokens, Refusal> {
    let scopes = scopes(body.scope.as_deref())?;

    let mut tx = identity.begin_sign_in().await?;
    let (now, id) = (tx.now(), SessionId::mint());
    let until = now + TimeDelta::seconds(LIFETIME_SECONDS);
    store::account_sessions::insert(&mut tx, id, machine, scopes.as_ref(), until).await?;
    let entry = AuditEvent {
        id: EventId::mint(),
        time: now,
        actor: Principal::ServiceAccount(machine.account).to_string(),
        credential: None,
        action: session::Create::INFO.name.to_owned(),
        object: format!("session:{id}"),
        outcome: AuditOutcome::Success,
        ip: origin.address,
        request_id: origin.request,
        changes: json!({"credential_id": {"before": null, "after": machine.credential}}),
    };
    tx.record(machine.tenant, &entry)?;
    tx.commit().await?;

    let signed = identity.keys.machine_token(machine.tenant, machine.account, id).await;
    Ok(OauthTokens {
        access_token: signed.map_err(fault::Error::from)?,
        token_type: "Bearer",
        expires_in: LIFETIME_SECONDS,
        scope: scopes.map_or_else(|| EVERYTHING.to_owned(), |scopes| scopes.names().join(" ")),
        refresh_token: None,
        id_token: None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::Bench;

    use crate::testing::oauth::{App, Robot};
    use crate::testing::{settings, start, start_on};

    #[tokio::test]
    async fn a_machine_gets_tokens_and_does_what_its_account_may() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::with_secret(&test, &tenant, "viewer").await;
        let got = robot.token(&test, None).await.expect(200).json;
        assert_eq!((&got["expires_in"], got.get("refresh_token")), (&json!(300), None));
        let claims = test.check(&got).await;
        assert_eq!(
            (claims.sub.to_string(), claims.client_id),
            (robot.id.clone(), Some(robot.id.clone()))
        );
        let machine = test.enter(&got).await.unwrap();
        machine.get("/api/v1/projects/default").await.expect(200);
        machine.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        let me = machine.get("/api/v1/me").await.expect(200).json;
        assert_eq!(me["service_account"]["id"], json!(robot.id));
        let actor = format!("service_account:{}", robot.id);
        assert!(test.dump("bus.outbox").await.contains(&actor));
    }

    #[tokio::test]
    async fn t18_scopes_narrow_it_and_it_changes_no_credentials_by_habit() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::with_secret(&test, &tenant, "owner").await;
        test.never_step_up("acme").await;
        let enter = async |scope: Option<&str>| {
            let got = robot.token(&test, scope).await.expect(200).json;
            test.enter(&got).await.unwrap()
        };
        let narrow = enter(Some("project.read")).await;
        narrow.get("/api/v1/projects/default").await.expect(200);
        narrow.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        let wide = enter(None).await;
        wide.post("/api/v1/projects", json!({"name": "x"})).await.expect(201);
        let keys = format!("/api/v1/service-accounts/{}/api-keys", robot.id);
        wide.post(&keys, json!({"name": "mine"})).await.expect(403);
        for scope in ["vm.fly", "host.read", "openid"] {
            let refused = robot.token(&test, Some(scope)).await.expect(400);
            assert_eq!(refused.json["error"], "invalid_scope", "{scope}");
        }
    }

    #[tokio::test]
    async fn t17_a_removed_credential_a_disabled_account_and_a_revocation_end_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::with_secret(&test, &tenant, "viewer").await;
        let owner = &robot.owner;
        let got = async || robot.token(&test, None).await.expect(200).json;
        let first = got().await;
        owner
            .patch(&robot.path(), "*", json!({"enabled": false}))
            .await
            .expect(200);
        assert!(test.enter(&first).await.is_none());
        robot.token(&test, None).await.expect(401);
        owner
            .patch(&robot.path(), "*", json!({"enabled": true}))
            .await
            .expect(200);
        assert!(test.enter(&first).await.is_some());

        let mut form = robot.proof();
        form.push(("token", first["access_token"].as_str().unwrap().to_owned()));
        assert_eq!(test.form("introspect", &form).await.expect(200).json["active"], true);
        test.form("revoke", &form).await.expect(200);
        assert!(test.enter(&first).await.is_none());
        assert_eq!(
            test.form("introspect", &form).await.expect(200).json,
            json!({"active": false})
        );

        let second = got().await;
        owner
            .delete(&format!("{}/credentials/{}", robot.path(), robot.credential))
            .await
            .expect(204);
        assert!(test.enter(&second).await.is_none());
        robot.token(&test, None).await.expect(401);
    }

    #[tokio::test]
    async fn a_token_and_a_credential_end_in_time() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::make(&test, &tenant, "viewer", json!({"name": "a", "expires_in": 400})).await;
        let got = robot.token(&test, None).await.expect(200).json;
        let claims = test.check(&got).await;
        assert!(test.standing(&claims).await.unwrap().live);
        clock.advance(Duration::from_mins(5));
        assert!(!test.standing(&claims).await.unwrap().live);
        robot.token(&test, None).await.expect(200);
        clock.advance(Duration::from_secs(100));
        robot.token(&test, None).await.expect(401);
    }

    #[tokio::test]
    async fn whoever_proves_nothing_gets_nothing_and_learns_nothing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::with_secret(&test, &tenant, "viewer").await;
        let wrong = Robot {
            secret: Some("yss_wrong".to_owned()),
            ..robot.clone()
        };
        let never = Robot {
            id: ids::ServiceAccountId::mint().to_string(),
            ..robot.clone()
        };
        let bare = Robot {
            secret: None,
            ..robot.clone()
        };
        let refused = wrong.token(&test, None).await.expect(401);
        for other in [never, bare] {
            let reply = other.token(&test, None).await.expect(401);
            assert_eq!(reply.without_request(), refused.without_request());
        }
    }

    #[tokio::test]
    async fn a_machine_has_this_way_alone_and_clients_have_it_not() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let robot = Robot::with_secret(&test, &tenant, "viewer").await;
        let mut form = robot.proof();
        form.extend([
            ("grant_type", "authorization_code".to_owned()),
            ("code", "x".to_owned()),
        ]);
        assert_eq!(
            test.form("token", &form).await.expect(400).json["error"],
            "unauthorized_client"
        );
        test.form("device", &robot.proof()).await.expect(400);
        let ada = test.enter_new("poets").await;
        let app = App::register(&ada, json!({})).await;
        let mut form = app.proof();
        form.push(("grant_type", "client_credentials".to_owned()));
        assert_eq!(
            test.form("token", &form).await.expect(400).json["error"],
            "unauthorized_client"
        );
    }

    #[tokio::test]
    async fn t16_a_proof_by_a_key_is_good_once() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock).await, &settings()).await;
        let tenant = test.bench.tenant("acme").await;
        let (robot, key) = Robot::with_key(&test, &tenant, "viewer").await;
        let send = async |assertion: String| {
            let form = [
                ("grant_type", "client_credentials".to_owned()),
                ("client_assertion_type", crate::oauth::assertion::TYPE.to_owned()),
                ("client_assertion", assertion),
            ];
            test.form("token", &form).await
        };
        let now = test.bench.clock.now().timestamp();
        let proof = |jti: &str| json!({"iss": robot.id, "sub": robot.id, "aud": crate::testing::ISSUER, "exp": now + 60, "jti": jti});
        let sign = |claims: &Value| {
            let head = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
            jsonwebtoken::encode(&head, claims, &key).unwrap()
        };
        let first = sign(&proof("1"));
        let got = send(first.clone()).await.expect(200).json;
        assert!(test.enter(&got).await.is_some());
        send(first).await.expect(401);
        let mut endpoint = proof("2");
        endpoint["aud"] = json!(format!("{}/api/v1/oauth/token", crate::testing::ISSUER));
        send(sign(&endpoint)).await.expect(200);
        let at_once = sign(&proof("3"));
        let all = futures::future::join_all((0..20).map(|_| send(at_once.clone()))).await;
        assert_eq!(all.iter().filter(|reply| reply.status == 200).count(), 1);

        let mut long = proof("4");
        long["exp"] = json!(now + 301);
        let mut elsewhere = proof("5");
        elsewhere["aud"] = json!("https://evil.example");
        for bad in [long, elsewhere] {
            send(sign(&bad)).await.expect(401);
        }
        let hs = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let public = jsonwebtoken::EncodingKey::from_secret(robot.public.as_bytes());
        send(jsonwebtoken::encode(&hs, &proof("6"), &public).unwrap())
            .await
            .expect(401);
        send(sign(&proof("7"))).await.expect(200);
    }
}
