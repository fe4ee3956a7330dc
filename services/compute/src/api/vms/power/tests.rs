use auth::Role;
use serde_json::{Value, json};

use crate::api::vms::testing::{VMS, seen, small, stocked};

#[tokio::test]
async fn each_action_is_a_path_of_its_own_and_a_generation() {
    let world = stocked().await;
    world.owner.post(VMS, small("web")).await.expect(202);
    for (action, generation) in [("stop", 2), ("start", 3), ("reboot", 4)] {
        let asked = world
            .owner
            .post(&format!("{VMS}/web:{action}"), json!({}))
            .await
            .expect(202);
        assert_eq!(asked.json["generation"], generation, "{action}");
        let operation = world.owner.get(asked.header("operation-location")).await.expect(200);
        assert_eq!(operation.json["kind"], format!("vm.{action}"));
    }
    let operations = world.owner.get("/api/v1/operations?sort=-created_at").await.expect(200);
    let statuses: Vec<_> = operations.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["status"].clone())
        .collect();
    assert_eq!(
        statuses,
        ["queued", "cancelled", "cancelled", "cancelled"],
        "the newest wish holds"
    );
    world
        .owner
        .post(&format!("{VMS}/web:explode"), json!({}))
        .await
        .expect(404);
    world.owner.get(&format!("{VMS}/web:start")).await.expect(404);
}

#[tokio::test]
async fn what_makes_no_sense_is_409() {
    let world = stocked().await;
    world.host("h1").await;
    let made = world.owner.post(VMS, small("web")).await.expect(202);
    world.until("web", "building").await;
    world
        .owner
        .post(&format!("{VMS}/web:stop"), json!({}))
        .await
        .expect(202);
    assert_eq!(
        world
            .owner
            .post(&format!("{VMS}/web:reboot"), json!({}))
            .await
            .expect(409)
            .code(),
        "conflict"
    );
    world.owner.delete(&format!("{VMS}/web")).await.expect(202);
    let by_id = format!("{VMS}/{}", made.json["id"].as_str().unwrap());
    world.owner.post(&format!("{by_id}:start"), json!({})).await.expect(409);
    world
        .owner
        .post(&format!("{VMS}/web:start"), json!({}))
        .await
        .expect(404);
}

#[tokio::test]
async fn a_viewer_may_not_and_another_tenant_finds_nothing() {
    let world = stocked().await;
    let made = world.owner.post(VMS, small("web")).await.expect(202);
    let viewer = world.test.client.caller(&world.tenant.caller(Role::Viewer));
    viewer.post(&format!("{VMS}/web:stop"), json!({})).await.expect(403);
    let theirs = world.test.bench.tenant("theirs").await;
    let them = world.test.client.caller(&theirs.caller(Role::Owner));
    let path = format!(
        "/api/v1/projects/{}/vms/{}",
        world.tenant.project,
        made.json["id"].as_str().unwrap()
    );
    for request in ["", "/console", "/placement"] {
        them.get(&format!("{path}{request}")).await.expect(404);
    }
    them.post(&format!("{path}:stop"), json!({})).await.expect(404);
    them.delete(&path).await.expect(404);
    them.patch(&path, "*", json!({"name": "stolen"})).await.expect(404);
    them.get(made.header("operation-location")).await.expect(404);
}

#[tokio::test]
async fn the_status_follows_what_the_host_sees() {
    let world = stocked().await;
    let host = world.host("h1").await;
    let vm = world.owner.post(VMS, small("web")).await.expect(202).json;
    let placed = world.until("web", "building").await;
    assert_eq!(
        (&placed.json["host_alias"].is_string(), &placed.json["simulated"]),
        (&true, &json!(true))
    );
    assert!(!placed.text.contains(&host.id));

    let running = seen(&vm, 1, "running", &Value::Null);
    let taken = world.report(&host, &running).await.expect(200);
    assert_eq!(taken.json["console"][0]["next"], 0);
    let read = world.owner.get(&format!("{VMS}/web")).await.expect(200);
    assert_eq!(
        (&read.json["status"], &read.json["power"]),
        (&json!("running"), &json!("on"))
    );
    let operations = world.owner.get("/api/v1/operations?status=succeeded").await.expect(200);
    assert_eq!(operations.json["items"].as_array().unwrap().len(), 1);

    let etag = read.header("etag").to_owned();
    world.report(&host, &running).await.expect(200);
    let same = world
        .owner
        .request(reqwest::Method::GET, &format!("{VMS}/web"))
        .header("if-none-match", &etag);
    world.owner.send(same).await.expect(304);
    world
        .owner
        .post(&format!("{VMS}/web:stop"), json!({}))
        .await
        .expect(202);
    assert_eq!(world.owner.get(&format!("{VMS}/web")).await.json["status"], "stopping");
    world.report(&host, &running).await.expect(200);
    assert_eq!(
        world.owner.get(&format!("{VMS}/web")).await.json["status"],
        "stopping",
        "an older word changes nothing"
    );
}

#[tokio::test]
async fn what_can_never_be_is_given_up_at_once_and_says_why_without_paths() {
    let world = stocked().await;
    let host = world.host("h1").await;
    let made = world.owner.post(VMS, small("web")).await.expect(202);
    world.until("web", "building").await;
    let error = json!({"code": "image_corrupt", "detail": "/var/lib/secret/path is wrong"});
    world
        .report(&host, &seen(&made.json, 0, "absent", &error))
        .await
        .expect(200);
    let failed = world.until("web", "failed").await;
    assert_eq!(failed.json["last_error"]["code"], "image_corrupt");
    assert!(!failed.text.contains("secret"), "{}", failed.text);
    let operation = world.owner.get(made.header("operation-location")).await.expect(200);
    assert_eq!(
        (&operation.json["status"], &operation.json["error"]["code"]),
        (&json!("failed"), &json!("image_corrupt"))
    );

    world
        .owner
        .post(&format!("{VMS}/web:start"), json!({}))
        .await
        .expect(202);
    assert_eq!(
        world.owner.get(&format!("{VMS}/web")).await.json["status"],
        "building",
        "a new wish is tried anew"
    );
    world
        .report(&host, &seen(&made.json, 2, "running", &Value::Null))
        .await
        .expect(200);
    let running = world.until("web", "running").await;
    assert_eq!(running.json["last_error"], Value::Null);
}

#[test]
fn actions_are_documented_under_the_paths_they_answer_to() {
    let api = web::openapi(crate::routes::mount);
    for action in ["start", "stop", "reboot"] {
        let path = format!("/api/v1/projects/{{project}}/vms/{{vm}}:{action}");
        let item = api
            .paths
            .paths
            .get(&path)
            .unwrap_or_else(|| panic!("{path} in {:?}", api.paths.paths.keys()));
        let operation = item.post.as_ref().unwrap();
        assert_eq!(operation.operation_id, Some(format!("{action}_vm")));
        assert!(operation.summary.is_some() && operation.description.is_some());
    }
}
