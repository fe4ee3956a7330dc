//! Who comes in by a provider, as whom, and into which groups.

use std::time::Duration;

use auth::{Binding, Role};
use serde_json::{Value, json};

use super::{ada, world};
use crate::testing::PASSWORD;

#[tokio::test]
async fn somebody_new_becomes_a_person_and_comes_back_as_the_same() {
    let world = world(json!({})).await;
    let first = world.come(&ada()).await.expect(200).json;
    assert_eq!(first["status"], "authenticated");
    let me = world
        .test
        .enter_now(&first)
        .await
        .get("/api/v1/me")
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&me["user"]["email"], &me["user"]["display_name"], &me["roles"]),
        (&json!("ada@example.com"), &json!("Ada Lovelace"), &json!([]))
    );
    // Who they are is issuer and subject: another address changes nothing.
    let mut moved = ada();
    moved["email"] = json!("countess@example.com");
    let again = world.come(&moved).await.expect(200).json;
    let same = world
        .test
        .enter_now(&again)
        .await
        .get("/api/v1/me")
        .await
        .expect(200)
        .json;
    assert_eq!(same["user"], me["user"]);
    for table in ["identity.users", "identity.external_identities"] {
        let rows = world.test.dump(table).await;
        let subject = ada()["sub"].as_str().unwrap().to_owned();
        for told in ["ada@example.com", "Lovelace", &subject] {
            assert!(!rows.is_empty() && !rows.contains(told), "t24: {table} shows {told}");
        }
    }
    assert!(world.test.dump("identity.sessions").await.contains("{oidc}"));
    // They have no password, and no letter gives them one past the provider.
    world.test.sign_in("ada@example.com", PASSWORD).await.expect(401);
    let log = world.test.dump("bus.outbox").await;
    assert!(
        log.contains("external_identity.create") && !log.contains("ada@") && !log.contains("Lovelace"),
        "{log}"
    );
}

#[tokio::test]
async fn t18_an_address_is_nobody_who_has_it_is_not_taken_over() {
    let world = world(json!({})).await;
    let owner = world.test.person(&world.tenant, "owner", Role::Owner).await;
    let thief = json!({"sub": "thief", "email": owner.email, "email_verified": true});
    let refused = world.come(&thief).await.expect(409);
    assert!(
        refused.json["detail"].as_str().unwrap().contains("link"),
        "{}",
        refused.text
    );
    assert_eq!(world.test.dump("identity.external_identities").await, "");
    // Nor is the subject of another provider of the tenant anybody here.
    let other = json!({"sub": "ada-1", "email": "other@example.com"});
    world.come(&ada()).await.expect(200);
    world
        .set_up("twin", &world.corp.issuer, json!({"create_users": false}))
        .await;
    let door = world.test.leave("acme", "twin").await;
    let code = world.corp.admit(&door, &other);
    world.test.come_back(&door, &code).await.expect(403);
}

#[tokio::test]
async fn nobody_is_made_where_none_may_be_or_without_an_address() {
    let world = world(json!({"create_users": false})).await;
    world.come(&ada()).await.expect(403);
    let owner = world.test.client.caller(&world.tenant.caller(Role::Owner));
    let path = "/api/v1/identity-providers/corp";
    owner.patch(path, "*", json!({"create_users": true})).await.expect(200);
    for claims in [
        json!({"sub": "1"}),
        json!({"sub": "1", "email": "a@b.example", "email_verified": false}),
        json!({"sub": "1", "email": "no address", "email_verified": true}),
        json!({"sub": "1", "email": "a@b.example"}),
    ] {
        world.corp.script(|script| script.userinfo = json!({"sub": "1"}));
        world.come(&claims).await.expect(403);
    }
    // Where the token does not tell it, the userinfo endpoint may, of the same person only.
    world
        .corp
        .script(|script| script.userinfo = json!({"sub": "2", "email": "two@example.com"}));
    world.come(&json!({"sub": "1"})).await.expect(401);
    world.corp.script(|script| {
        script.userinfo = json!({"sub": "1", "email": "one@example.com", "email_verified": true, "name": "One"});
    });
    let tokens = world.come(&json!({"sub": "1"})).await.expect(200).json;
    let me = world.test.enter_now(&tokens).await.get("/api/v1/me").await.expect(200);
    assert_eq!(me.json["user"]["email"], "one@example.com");
}

#[tokio::test]
async fn t17_disabled_stays_out_and_a_disabled_provider_lets_nobody_in() {
    let world = world(json!({})).await;
    let tokens = world.come(&ada()).await.expect(200).json;
    let user = world.test.enter_now(&tokens).await.get("/api/v1/me").await.json["user"]["id"].clone();
    let owner = world.test.person(&world.tenant, "owner", Role::Owner).await;
    let path = format!("/api/v1/users/{}", user.as_str().unwrap());
    owner
        .client
        .patch(&path, "*", json!({"enabled": false}))
        .await
        .expect(200);
    world.come(&ada()).await.expect(401);
    owner
        .client
        .patch(&path, "*", json!({"enabled": true}))
        .await
        .expect(200);
    world.come(&ada()).await.expect(200);
    // Switched off while somebody was there.
    let door = world.test.leave("acme", "corp").await;
    let code = world.corp.admit(&door, &ada());
    let provider = "/api/v1/identity-providers/corp";
    owner
        .client
        .patch(provider, "*", json!({"enabled": false}))
        .await
        .expect(200);
    world.test.come_back(&door, &code).await.expect(401);
}

#[tokio::test]
async fn t14_a_second_factor_is_asked_for_unless_the_provider_is_believed_to_have() {
    let world = world(json!({"second_factor": {"acr": ["gold"], "amr": ["hwk"]}})).await;
    let tokens = world.come(&ada()).await.expect(200).json;
    let client = world.test.enter_now(&tokens).await;
    let made = client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
    let phone = crate::factor::totp::Shared::scanned(made["secret"].as_str().unwrap());
    let path = format!("/api/v1/me/mfa/totp/{}:confirm", made["factor"]["id"].as_str().unwrap());
    let code = phone.code(world.clock.now());
    client.post(&path, json!({"code": code})).await.expect(200);
    world.clock.advance(Duration::from_secs(30));

    for claims in [json!({}), json!({"acr": "silver", "amr": ["pwd", "mfa"]})] {
        let mut with = ada();
        for (name, value) in claims.as_object().unwrap() {
            with[name] = value.clone();
        }
        let half = world.come(&with).await.expect(200).json;
        assert_eq!(half["status"], "mfa_required");
        assert_eq!(half["methods"], json!(["totp", "recovery"]));
        let challenge = half["challenge"].as_str().unwrap();
        world.test.show("totp", challenge, "000000").await.expect(401);
        let code = phone.code(world.clock.now());
        world.test.show("totp", challenge, &code).await.expect(200);
        world.clock.advance(Duration::from_secs(30));
    }
    assert!(world.test.dump("identity.sessions").await.contains("{oidc,otp}"));
    for claims in [json!({"acr": "gold"}), json!({"amr": ["pwd", "hwk"]})] {
        let mut with = ada();
        with.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        let whole = world.come(&with).await.expect(200).json;
        assert_eq!(whole["status"], "authenticated", "{claims}");
    }
    assert!(world.test.dump("identity.sessions").await.contains("{oidc,mfa}"));
    // A challenge dies with its provider.
    let half = world.come(&ada()).await.expect(200).json;
    let owner = world.test.client.caller(&world.tenant.caller(Role::Owner));
    let provider = "/api/v1/identity-providers/corp";
    owner.patch(provider, "*", json!({"enabled": false})).await.expect(200);
    let code = phone.code(world.clock.now());
    let challenge = half["challenge"].as_str().unwrap();
    world.test.show("totp", challenge, &code).await.expect(401);
}

#[tokio::test]
async fn t13_what_was_proven_long_ago_opens_nothing_guarded() {
    let world = world(json!({})).await;
    let now = world.clock.now().timestamp();
    let guarded = async |tokens: &Value| {
        let client = world.test.enter_now(tokens).await;
        client.post("/api/v1/me/mfa/totp?dry_run=true", json!({})).await
    };
    for auth_time in [json!(now - 3600), Value::Null] {
        world
            .corp
            .script(|script| script.claims = json!({"auth_time": auth_time}));
        let tokens = world.come(&ada()).await.expect(200).json;
        assert_eq!(
            guarded(&tokens).await.expect(403).code(),
            "step_up_required",
            "{auth_time}"
        );
        // Asked to prove it anew, and not done: no sign-in.
        let door = world
            .test
            .leave_with(json!({"tenant": "acme", "provider": "corp", "anew": true}))
            .await;
        assert_eq!(
            (door.query("prompt"), door.query("max_age")),
            ("login".to_owned(), "0".to_owned())
        );
        let code = world.corp.admit(&door, &ada());
        world.test.come_back(&door, &code).await.expect(401);
    }
    world.corp.script(|script| script.claims = json!({}));
    let door = world
        .test
        .leave_with(json!({"tenant": "acme", "provider": "corp", "anew": true}))
        .await;
    let code = world.corp.admit(&door, &ada());
    let tokens = world.test.come_back(&door, &code).await.expect(200).json;
    guarded(&tokens).await.expect(200);
    // Without a password there is none to show again, and asking says no more than that.
    let client = world.test.enter_now(&tokens).await;
    client
        .post("/api/v1/auth/step-up", json!({"password": PASSWORD}))
        .await
        .expect(400);
}

#[tokio::test]
async fn t18_groups_follow_the_claim_and_what_people_gave_stays() {
    let world = world(json!({})).await;
    let (test, tenant) = (&world.test, &world.tenant);
    let owner = test.person(tenant, "owner", Role::Owner).await;
    for (name, role) in [
        ("devs", Role::Operator),
        ("staff", Role::Viewer),
        ("hand", Role::Auditor),
        ("chiefs", Role::Owner),
    ] {
        test.join(tenant, owner.id, name, &Binding::role(role, None)).await;
    }
    let provider = "/api/v1/identity-providers/corp";
    let mapping = json!({"groups_claim": "/realm_access/roles", "groups": [
        {"value": "engineering", "group": "devs"}, {"value": "engineering", "group": "hand"}, {"group": "staff"},
        {"value": "board", "group": "chiefs"},
    ]});
    owner.client.patch(provider, "*", mapping).await.expect(200);
    let come = async |roles: Value| {
        let mut claims = ada();
        claims["realm_access"] = json!({"roles": roles});
        let tokens = world.come(&claims).await.expect(200).json;
        let me = test.enter_now(&tokens).await.get("/api/v1/me").await.expect(200).json;
        (me["roles"].clone(), me["user"]["id"].as_str().unwrap().to_owned())
    };
    let (roles, user) = come(json!(["engineering", "", 7, "nothing-here"])).await;
    assert_eq!(roles, json!(["auditor", "operator", "viewer"]));
    // From now on people have put them there.
    let put = format!("/api/v1/groups/hand/members/{user}");
    let put = owner.client.request(reqwest::Method::PUT, &put);
    owner.client.send(put).await.expect(200);
    assert_eq!(come(json!([])).await.0, json!(["auditor", "viewer"]));
    assert_eq!(
        come(json!("engineering")).await.0,
        json!(["auditor", "operator", "viewer"])
    );

    // The last owner stays one, whatever the provider says.
    assert_eq!(come(json!(["board"])).await.0, json!(["auditor", "owner", "viewer"]));
    test.unbind_person(tenant, owner.id).await;
    assert_eq!(come(json!([])).await.0, json!(["auditor", "owner", "viewer"]));
    let log = test.audit(tenant).await;
    let count = |name: &str| log.iter().filter(|(action, _)| action == name).count();
    assert!(
        count("group_member.create") >= 4 && count("group_member.delete") >= 2,
        "{log:?}"
    );
}
