use auth::Role;
use serde_json::json;

use crate::api::vms::testing::{VMS, small, stocked};

#[tokio::test]
async fn an_operator_of_the_tenant_queues_a_machine_and_finds_it() {
    let world = stocked().await;
    let made = world.owner.post(VMS, small("web-1")).await.expect(202);
    assert_eq!(
        (&made.json["status"], &made.json["power"]),
        (&json!("queued"), &json!("off"))
    );
    assert_eq!(
        (&made.json["flavor"], &made.json["vcpus"], &made.json["generation"]),
        (&json!("small"), &json!(1), &json!(1))
    );

    let read = world.owner.get(made.header("location")).await.expect(200);
    assert_eq!(read.json["id"], made.json["id"]);
    world.owner.get(&format!("{VMS}/web-1")).await.expect(200);
    let operation = world.owner.get(made.header("operation-location")).await.expect(200);
    assert_eq!(
        (&operation.json["kind"], &operation.json["status"]),
        (&json!("vm.create"), &json!("queued"))
    );
    assert_eq!(operation.json["resource"], made.header("location"));
    let audit = world.test.bench.audit(world.tenant.id).await;
    assert!(
        audit.contains(&("vm.create".to_owned(), "success".to_owned())),
        "{audit:?}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_named_field_by_field() {
    let world = stocked().await;
    let cases = [
        (json!({"name": "No", "flavor": "small", "image": "demo"}), "/name"),
        (json!({"name": "a", "flavor": "none", "image": "demo"}), "/flavor"),
        (json!({"name": "a", "flavor": "small", "image": "none"}), "/image"),
        (
            json!({"name": "a", "flavor": "small", "image": "demo", "placement": {"pool": "none"}}),
            "/placement/pool",
        ),
        (
            json!({"name": "a", "flavor": "small", "image": "demo", "placement": {"policy": "evil"}}),
            "/placement/policy",
        ),
        (
            json!({"name": "a", "flavor": "small", "image": "demo", "labels": {"-": ""}}),
            "/labels/-",
        ),
    ];
    for (body, pointer) in cases {
        let refused = world.owner.post(VMS, body).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
    let unknown = json!({"name": "a", "flavor": "small", "image": "demo", "tenant_id": world.tenant.id});
    world.owner.post(VMS, unknown).await.expect(400);
}

#[tokio::test]
async fn a_name_is_taken_once_per_project() {
    let world = stocked().await;
    world.owner.post(VMS, small("web")).await.expect(202);
    assert_eq!(
        world.owner.post(VMS, small("web")).await.expect(409).code(),
        "already_exists"
    );
    let used = world.quota("vms").await;
    assert_eq!(used, 1, "a refused machine uses nothing");
    world.owner.delete(&format!("{VMS}/web")).await.expect(202);
    world.owner.post(VMS, small("web")).await.expect(202);
}

#[tokio::test]
async fn t01_another_tenants_project_is_not_there() {
    let world = stocked().await;
    let theirs = world.test.bench.tenant("theirs").await;
    let foreign = world
        .owner
        .post(&format!("/api/v1/projects/{}/vms", theirs.project), small("a"))
        .await
        .expect(404);
    let absent = world
        .owner
        .post(&format!("/api/v1/projects/{}/vms", ids::ProjectId::mint()), small("a"))
        .await;
    assert_eq!(foreign.without_request(), absent.without_request());
}

#[tokio::test]
async fn a_viewer_may_not() {
    let world = stocked().await;
    let viewer = world.test.client.caller(&world.tenant.caller(Role::Viewer));
    let refused = viewer.post(VMS, small("a")).await.expect(403);
    assert!(refused.text.contains("vm.create"), "{}", refused.text);
}

#[tokio::test]
async fn a_dry_run_says_where_it_would_go_and_does_nothing() {
    let world = stocked().await;
    let path = format!("{VMS}?dry_run=true");
    let none = world.owner.post(&path, small("a")).await.expect(200);
    assert_eq!(none.header("dry-run"), "true");
    assert_eq!(none.json["placement"]["reason"], "There is no host yet.");

    let host = world.host("h1").await;
    let some = world.owner.post(&path, small("a")).await.expect(200);
    let scores = some.json["placement"]["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 1, "{}", some.text);
    assert!(!some.text.contains(&host.id), "hosts are named by alias only");
    assert_eq!(world.quota("vms").await, 0);
    world.owner.get(&format!("{VMS}/a")).await.expect(404);
}

#[tokio::test]
async fn beyond_the_quota_every_short_resource_is_named() {
    let world = stocked().await;
    let path = format!("/api/v1/system/quotas/{}", world.tenant.id);
    world
        .operator
        .patch(&path, "*", json!({"vms": 1, "vcpus": 1}))
        .await
        .expect(200);
    world.owner.post(VMS, small("a")).await.expect(202);
    let refused = world.owner.post(VMS, small("b")).await.expect(403);
    assert_eq!(refused.code(), "quota_exceeded");
    assert!(
        refused.text.contains("vms: 1 of 1 used") && refused.text.contains("vcpus"),
        "{}",
        refused.text
    );
    let dry = world
        .owner
        .post(&format!("{VMS}?dry_run=true"), small("b"))
        .await
        .expect(403);
    assert_eq!(dry.code(), "quota_exceeded");
}
