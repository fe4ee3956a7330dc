//! People who link a provider to themselves, and unlink it.

use auth::Role;
use serde_json::json;

use super::{ada, world};
use crate::testing::PASSWORD;
use crate::testing::provider::{answer, door};

const PATH: &str = "/api/v1/me/identities";
const CONFIRM: &str = "/api/v1/me/identities:confirm";

#[tokio::test]
async fn who_is_signed_in_links_a_provider_and_comes_in_by_it() {
    let world = world(json!({"create_users": false})).await;
    let person = world.test.person(&world.tenant, "ada", Role::Viewer).await;
    let tokens = world.test.sign_in(&person.email, PASSWORD).await.expect(200).json;
    let client = world.test.enter_now(&tokens).await;
    world.come(&ada()).await.expect(403);

    let begun = client
        .post_once(PATH, "one", json!({"provider": "corp"}))
        .await
        .expect(201);
    client
        .post_once(PATH, "one", json!({"provider": "corp"}))
        .await
        .expect(409);
    let at = door(&begun);
    assert_eq!(at.query("prompt"), "login");
    let code = world.corp.admit(&at, &ada());
    let linked = client.post(CONFIRM, answer(&at, &code)).await.expect(201);
    assert_eq!(
        (&linked.json["provider"], &linked.json["subject"]),
        (&json!("corp"), &json!("ada-1"))
    );
    let mine = client.get(PATH).await.expect(200);
    assert_eq!(mine.json["items"][0]["id"], linked.json["id"]);

    let tokens = world.come(&ada()).await.expect(200).json;
    let me = world
        .test
        .enter_now(&tokens)
        .await
        .get("/api/v1/me")
        .await
        .expect(200)
        .json;
    assert_eq!(me["user"]["id"], json!(person.id));

    let one = format!("{PATH}/{}", linked.json["id"].as_str().unwrap());
    client.delete(&format!("{one}?dry_run=true")).await.expect(200);
    client.delete(&one).await.expect(204);
    client.delete(&one).await.expect(404);
    world.come(&ada()).await.expect(403);
    let log = world.test.dump("bus.outbox").await;
    assert!(
        log.contains("external_identity.delete") && !log.contains("ada-1"),
        "{log}"
    );
}

#[tokio::test]
async fn t18_nobody_ends_a_link_for_another_and_no_account_is_linked_twice() {
    let world = world(json!({"create_users": false})).await;
    let mut clients = Vec::new();
    for name in ["ada", "eve"] {
        let person = world.test.person(&world.tenant, name, Role::Viewer).await;
        let tokens = world.test.sign_in(&person.email, PASSWORD).await.expect(200).json;
        clients.push(world.test.enter_now(&tokens).await);
    }
    let [mine, eve] = &clients[..] else { panic!() };
    let begin = async |client: &testkit::Client| {
        let begun = client.post(PATH, json!({"provider": "corp"})).await.expect(201);
        door(&begun)
    };
    // Eve has me end what she began: her account would open mine, or mine hers.
    let hers = begin(eve).await;
    let code = world.corp.admit(&hers, &ada());
    mine.post(CONFIRM, answer(&hers, &code)).await.expect(400);
    eve.post(CONFIRM, answer(&hers, &code)).await.expect(400);
    // A link is no sign-in, and a sign-in no link.
    let link = begin(mine).await;
    let code = world.corp.admit(&link, &ada());
    world.test.come_back(&link, &code).await.expect(401);
    let sign_in = world.test.leave("acme", "corp").await;
    let code = world.corp.admit(&sign_in, &ada());
    mine.post(CONFIRM, answer(&sign_in, &code)).await.expect(400);

    for (client, status) in [(mine, 201), (eve, 409), (mine, 409)] {
        let at = begin(client).await;
        let code = world.corp.admit(&at, &ada());
        client.post(CONFIRM, answer(&at, &code)).await.expect(status);
    }
    mine.post(PATH, json!({"provider": "none"})).await.expect(404);
    let linked = mine.get(PATH).await.json["items"][0]["id"].as_str().unwrap().to_owned();
    eve.delete(&format!("{PATH}/{linked}")).await.expect(404);
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let world = world(json!({})).await;
    let tokens = world.come(&ada()).await.expect(200).json;
    let client = world.test.enter_now(&tokens).await;
    let linked = client.get(PATH).await.expect(200).json["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    client.delete(&format!("{PATH}/{linked}")).await.expect(409);
    world.come(&ada()).await.expect(200);
    // A second one will do; and a guarded action asks for a proof of late.
    world.set_up("twin", &world.corp.issuer, json!({})).await;
    let begun = client.post(PATH, json!({"provider": "twin"})).await.expect(201);
    let at = door(&begun);
    let code = world.corp.admit(&at, &ada());
    client.post(CONFIRM, answer(&at, &code)).await.expect(201);
    client.delete(&format!("{PATH}/{linked}")).await.expect(204);
}

#[tokio::test]
async fn t14_linking_and_unlinking_ask_for_a_factor_shown_of_late() {
    let world = world(json!({})).await;
    let person = world.test.person(&world.tenant, "ada", Role::Owner).await;
    let stale = world.test.stale(&world.tenant, &person);
    for refused in [
        stale.post(PATH, json!({"provider": "corp"})).await,
        stale
            .post(CONFIRM, json!({"secret": "yxs_", "code": "c", "state": "s"}))
            .await,
        stale
            .delete(&format!("{PATH}/{}", ids::ExternalIdentityId::mint()))
            .await,
    ] {
        assert_eq!(refused.expect(403).code(), "step_up_required");
    }
}

#[tokio::test]
async fn t18_who_comes_by_a_provider_is_not_acted_on_through_it() {
    let world = world(json!({"create_users": false})).await;
    let owner = world.test.person(&world.tenant, "owner", Role::Owner).await;
    let admin = world.test.person(&world.tenant, "admin", Role::Admin).await;
    let corp = "/api/v1/identity-providers/corp";
    let trusting = json!({"second_factor": {"amr": ["pwd"]}});
    admin
        .client
        .patch(&format!("{corp}?dry_run=true"), "*", trusting.clone())
        .await
        .expect(200);

    let tokens = world.test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
    let client = world.test.enter_now(&tokens).await;
    let begun = client.post(PATH, json!({"provider": "corp"})).await.expect(201);
    let at = door(&begun);
    let code = world.corp.admit(&at, &ada());
    client.post(CONFIRM, answer(&at, &code)).await.expect(201);

    let refused = admin.client.patch(corp, "*", trusting.clone()).await.expect(403);
    assert!(refused.text.contains("owner"), "{}", refused.text);
    let off = json!({"enabled": false});
    admin.client.patch(corp, "*", off).await.expect(403);
    admin.client.delete_if(corp, "*").await.expect(403);
    owner.client.patch(corp, "*", trusting).await.expect(200);
}
