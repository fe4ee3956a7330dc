//! Providers, browsers and people in the middle that mean no good.

use std::time::Duration;

use serde_json::{Value, json};

use super::{World, ada, world};
use crate::testing::provider::{Comes, FakeProvider, Sign, answer, start_near};

/// What the answer was, and how many people there are afterwards.
async fn nobody_came(world: &World, reply: testkit::Reply, status: u16) {
    reply.expect(status);
    assert_eq!(world.test.dump("identity.sessions").await, "");
    assert_eq!(world.test.dump("identity.external_identities").await, "");
}

#[tokio::test]
async fn t16_a_token_is_believed_only_as_a_whole() {
    let world = world(json!({})).await;
    let now = world.clock.now().timestamp();
    let mut first: Option<(u16, String, String)> = None;
    for (claims, why) in [
        (json!({"nonce": "another"}), "nonce"),
        (json!({"nonce": null}), "nonce"),
        (json!({"iss": "https://evil.example"}), "expected"),
        (json!({"iss": format!("{}/", world.corp.issuer)}), "expected"),
        (json!({"aud": "another-client"}), "must contain"),
        (json!({"aud": ["yunshu", "another-client"]}), "audience"),
        (json!({"azp": "another-client"}), "party"),
        (json!({"exp": now - 1}), "xpired"),
        (json!({"exp": null}), ""),
        (json!({"exp": "9999999999"}), ""),
        (json!({"iat": now - 3600}), "lately"),
        (json!({"iat": now + 600}), "lately"),
        (json!({"sub": ""}), "subject"),
        (json!({"sub": "x".repeat(256)}), "subject"),
    ] {
        world.corp.script(|script| script.claims = claims.clone());
        let reply = world.come(&ada()).await;
        let status = if claims.get("exp").is_some_and(|exp| exp.as_i64().is_none()) {
            503
        } else {
            401
        };
        if status == 401 {
            let seen = first.get_or_insert_with(|| reply.without_request());
            assert_eq!(*seen, reply.without_request(), "{claims}: all read the same");
        }
        nobody_came(&world, reply, status).await;
        let log = world.denied_why().await;
        assert!(log.contains(why), "{claims}: {log}");
    }
    world.corp.script(|script| script.claims = json!({}));
    world.corp.script(|script| script.hashed = "another-access-token");
    let reply = world.come(&ada()).await;
    nobody_came(&world, reply, 401).await;
    world.corp.script(|script| script.hashed = "an-access-token");
    world.come(&ada()).await.expect(200);
}

#[tokio::test]
async fn t16_only_the_providers_own_key_signs() {
    let world = world(json!({})).await;
    for sign in [
        Sign::None,
        Sign::PublicKey,
        Sign::ClientSecret,
        Sign::OtherKey,
        Sign::UnknownKey,
    ] {
        world.corp.script(|script| script.sign = sign);
        let reply = world.come(&ada()).await;
        nobody_came(&world, reply, 401).await;
    }
    world.corp.script(|script| script.sign = Sign::Well);
    world.come(&ada()).await.expect(200);
}

#[tokio::test]
async fn keys_that_changed_are_fetched_and_made_up_ones_move_little() {
    let world = world(json!({})).await;
    world.come(&ada()).await.expect(200);
    assert_eq!(world.corp.script(|script| script.fetched_keys), 1);
    world.corp.script(|script| script.kid = "second".to_owned());
    // Too soon: whoever sends made-up key ids must not have us ask again and again.
    world.come(&ada()).await.expect(401);
    assert_eq!(world.corp.script(|script| script.fetched_keys), 1);
    world.clock.advance(Duration::from_secs(31));
    world.come(&ada()).await.expect(200);
    world.corp.script(|script| script.sign = Sign::UnknownKey);
    for _ in 0..5 {
        world.come(&ada()).await.expect(401);
    }
    assert_eq!(world.corp.script(|script| script.fetched_keys), 2);
    assert_eq!(world.corp.script(|script| script.fetched_documents), 1);
    // What is known of it does not live for ever.
    world.corp.script(|script| script.sign = Sign::Well);
    world.clock.advance(Duration::from_mins(11));
    world.come(&ada()).await.expect(200);
    assert_eq!(world.corp.script(|script| script.fetched_documents), 2);
}

#[tokio::test]
async fn t50_documents_that_are_no_documents_help_nobody() {
    let world = world(json!({})).await;
    let begin = json!({"tenant": "acme", "provider": "corp"});
    for comes in [Comes::Huge, Comes::Redirected, Comes::Html, Comes::Never] {
        world.corp.script(|script| script.discovery = comes);
        let refused = world.test.client.post("/api/v1/auth/oidc/begin", begin.clone()).await;
        assert_eq!(refused.status, 503, "{comes:?}: {}", refused.text);
    }
    world.corp.script(|script| script.discovery = Comes::Well);
    for document in [
        json!({"issuer": "https://other.example"}),
        json!({"issuer": format!("{}/", world.corp.issuer)}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"token_endpoint": null}),
        json!({"jwks_uri": "http://169.254.169.254/keys"}),
        json!({"jwks_uri": "http://10.0.0.1/keys"}),
    ] {
        world.corp.script(|script| script.document = document.clone());
        let refused = world.test.client.post("/api/v1/auth/oidc/begin", begin.clone()).await;
        assert_eq!(refused.status, 503, "{document}: {}", refused.text);
    }
    world.corp.script(|script| script.document = json!({}));
    for comes in [Comes::Huge, Comes::Redirected, Comes::Html, Comes::Never] {
        world.corp.script(|script| script.token = comes);
        let reply = world.come(&ada()).await;
        nobody_came(&world, reply, 503).await;
    }
    world.corp.script(|script| script.token = Comes::Well);
    world.come(&ada()).await.expect(200);
}

#[tokio::test]
async fn t50_a_platform_in_use_reaches_nothing_inside() {
    let clock = clock::Clock::system();
    let corp = FakeProvider::start(&clock).await;
    let test = crate::testing::start().await;
    let tenant = test.bench.tenant("acme").await;
    let owner = test.client.caller(&tenant.caller(auth::Role::Owner));
    let body = |issuer: &str| json!({"name": "corp", "issuer": issuer, "client_id": "yunshu"});
    let path = "/api/v1/identity-providers";
    owner.post(path, body(&corp.issuer)).await.expect(400);
    owner
        .post(path, body(&corp.issuer.replace("http:", "https:")))
        .await
        .expect(201);
    let said = owner.post(&format!("{path}/corp:test"), json!({})).await.expect(200);
    assert_eq!(said.json["ok"], false, "{}", said.text);
    assert_eq!(corp.script(|script| script.fetched_documents), 0);
}

#[tokio::test]
async fn t16_an_answer_is_good_once_and_in_one_browser() {
    let world = world(json!({})).await;
    let (mine, other) = (
        world.test.leave("acme", "corp").await,
        world.test.leave("acme", "corp").await,
    );
    let code = world.corp.admit(&mine, &ada());
    // Somebody's answer is put before another's browser, or the other way round.
    for body in [
        json!({"secret": other.secret, "code": code, "state": mine.query("state")}),
        json!({"secret": "yxs_made-up", "code": code, "state": mine.query("state")}),
    ] {
        world
            .test
            .client
            .post("/api/v1/auth/oidc/complete", body)
            .await
            .expect(401);
    }
    // A code of another sign-in carries another nonce, and its verifier is another.
    let third = world.test.leave("acme", "corp").await;
    world.test.come_back(&third, &code).await.expect(401);

    let code = world.corp.admit(&mine, &ada());
    let race = (0..20).map(|_| world.test.come_back(&mine, &code));
    let replies = futures::future::join_all(race).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));

    let late = world.test.leave("acme", "corp").await;
    world.clock.advance(Duration::from_mins(10));
    let code = world.corp.admit(&late, &ada());
    world.test.come_back(&late, &code).await.expect(401);
}

#[tokio::test]
async fn t16_mix_up_an_answer_of_another_issuer_goes_nowhere() {
    let clock = clock::Clock::held_at(clock::Clock::system().now());
    let (corp, evil) = (FakeProvider::start(&clock).await, FakeProvider::start(&clock).await);
    corp.script(|script| script.document = json!({"authorization_response_iss_parameter_supported": true}));
    let test = start_near(&clock, &[&corp, &evil]).await;
    let tenant = test.bench.tenant("acme").await;
    let world = World {
        test,
        tenant,
        corp,
        clock,
    };
    world.set_up("corp", &world.corp.issuer, json!({})).await;
    world.set_up("evil", &evil.issuer, json!({})).await;

    // The person chose the evil one, which sends them to the honest one: the honest one's answer comes back.
    let at_evil = world.test.leave("acme", "evil").await;
    let code = world.corp.admit(&at_evil, &ada());
    let with = |iss: Value| {
        let mut body = answer(&at_evil, &code);
        body["iss"] = iss;
        body
    };
    world
        .test
        .client
        .post("/api/v1/auth/oidc/complete", with(json!(world.corp.issuer)))
        .await
        .expect(401);
    assert_eq!(
        evil.script(|script| script.fetched_keys),
        1,
        "the code was not sent to the evil one"
    );
    // Who says that its answers name the issuer must name it.
    let at_corp = world.test.leave("acme", "corp").await;
    let code = world.corp.admit(&at_corp, &ada());
    world.test.come_back(&at_corp, &code).await.expect(401);
    let at_corp = world.test.leave("acme", "corp").await;
    let mut body = answer(&at_corp, &world.corp.admit(&at_corp, &ada()));
    body["iss"] = json!(world.corp.issuer);
    world
        .test
        .client
        .post("/api/v1/auth/oidc/complete", body)
        .await
        .expect(200);
}

#[tokio::test]
async fn t11_what_does_not_exist_reads_the_same_and_many_beginnings_end() {
    let world = world(json!({})).await;
    world
        .set_up("off", "https://id.example", json!({"enabled": false}))
        .await;
    let path = "/api/v1/auth/oidc/begin";
    let mut seen = Vec::new();
    for (tenant, provider) in [
        ("acme", "none"),
        ("nowhere", "corp"),
        ("acme", "off"),
        ("platform", "corp"),
    ] {
        let body = json!({"tenant": tenant, "provider": provider});
        seen.push(world.test.client.post(path, body).await.expect(404).without_request());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");

    let offered = async |tenant: &str| {
        let body = json!({"tenant": tenant});
        let reply = world
            .test
            .client
            .post("/api/v1/auth/oidc/providers", body)
            .await
            .expect(200);
        reply.json
    };
    assert_eq!(
        offered("acme").await,
        json!({"items": [{"name": "corp", "display_name": "corp"}], "next_page": null})
    );
    world.test.bench.tenant("bare").await;
    assert_eq!(offered("bare").await, offered("nowhere").await);

    let mut refused = None;
    for _ in 0..120 {
        let body = json!({"tenant": "nowhere", "provider": "corp"});
        let reply = world.test.client.post(path, body).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let wait = refused.expect("the budget ends").header("retry-after").to_owned();
    assert!(wait.parse::<u32>().unwrap() >= 1, "{wait}");
}

#[tokio::test]
async fn t24_neither_secret_nor_what_is_made_of_it_is_kept() {
    let world = world(json!({})).await;
    let door = world.test.leave("acme", "corp").await;
    let hex = |text: &str| {
        text.bytes()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    };
    for table in [
        "identity.external_sign_ins",
        "identity.replies",
        "bus.outbox",
        "identity.identity_providers",
    ] {
        let dump = world.test.dump(table).await;
        for secret in [
            door.secret.clone(),
            door.query("state"),
            door.query("nonce"),
            crate::testing::provider::SECRET.to_owned(),
        ] {
            assert!(!dump.contains(&secret) && !dump.contains(&hex(&secret)), "{table}");
        }
    }
    assert!(door.query("code_challenge_method") == "S256" && door.query("scope") == "openid email profile");
}
