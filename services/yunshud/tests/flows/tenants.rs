//! T01 and T02: what belongs to another tenant does not exist, byte for byte, wherever its id is put.

use auth::{Binding, Caller, PLATFORM, Role};
use ids::{OperationId, ProjectId, RequestId, UserId, VmId};
use serde_json::json;
use testkit::TestTenant;

use crate::kit::{Op, Services, digest, operations};
use crate::matrix::body_of;

struct Theirs {
    tenant: TestTenant,
    owner: Caller,
    vm: String,
    operation: String,
}

async fn furnished(services: &Services) -> Theirs {
    let tenant = services.bench.tenant("theirs").await;
    let operator = services
        .client("compute")
        .caller(&tenant.caller(Role::PlatformOperator));
    for name in ["vmlinuz", "initrd"] {
        std::fs::write(services.uploads().join(name), name).unwrap();
    }
    let source = |name: &str| json!({"path": name, "sha256": digest(name.as_bytes())});
    operator
        .post(
            "/api/v1/system/flavors",
            json!({"name": "small", "vcpus": 1, "memory_mib": 128, "disk_gib": 1}),
        )
        .await
        .expect(201);
    let image = json!({"name": "tiny", "kind": "kernel", "source": source("vmlinuz"), "initrd": source("initrd"),
                       "cmdline": "console=ttyS0"});
    operator.post("/api/v1/system/images", image).await.expect(201);
    let owner = tenant.caller(Role::Owner);
    let made = services.client("compute").caller(&owner);
    let vm = made
        .post("/api/v1/projects/default/vms", body_of("create_vm").unwrap())
        .await
        .expect(202);
    let operation = vm.header("operation-location").rsplit('/').next().unwrap().to_owned();
    Theirs {
        vm: vm.json["id"].as_str().unwrap().to_owned(),
        tenant,
        owner,
        operation,
    }
}

/// How a set of ids answers a path's parameters.
fn ids(project: String, vm: String, operation: String) -> impl Fn(&str) -> String {
    move |name: &str| match name {
        "project" => project.clone(),
        "vm" => vm.clone(),
        "operation" => operation.clone(),
        "sha256" => "0".repeat(64),
        // Platform objects and audit entries are asked for by ids that exist for neither side.
        _ => "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3".to_owned(),
    }
}

fn with_ids() -> Vec<Op> {
    let names = ["{project}", "{vm}", "{operation}"];
    operations()
        .into_iter()
        .filter(|op| names.iter().any(|name| op.path.contains(name)))
        .collect()
}

#[tokio::test]
async fn t01_anothers_objects_answer_like_objects_that_never_were() {
    let services = Services::start().await;
    let theirs = furnished(&services).await;
    let mine = services.bench.tenant("mine").await;
    let before = state(&services, &theirs).await;
    let (project, vm, operation) = (
        theirs.tenant.project.to_string(),
        theirs.vm.clone(),
        theirs.operation.clone(),
    );
    let never = || {
        ids(
            ProjectId::mint().to_string(),
            VmId::mint().to_string(),
            OperationId::mint().to_string(),
        )
    };
    for role in [Role::Owner, Role::Admin, Role::Viewer] {
        let me = mine.caller(role);
        for op in with_ids() {
            let body = || body_of(&op.id);
            let foreign = ids(project.clone(), vm.clone(), operation.clone());
            let foreign = services.call(&op, &foreign, body(), Some(&me)).await;
            let absent = services.call(&op, &never(), body(), Some(&me)).await;
            assert_eq!(
                foreign.without_request(),
                absent.without_request(),
                "{} as {role:?}",
                op.id
            );
            assert!(
                matches!(foreign.status.as_u16(), 403 | 404),
                "{} as {role:?}: {}",
                op.id,
                foreign.text
            );
            if op.path.contains("{vm}") {
                let adopted = ids("default".to_owned(), vm.clone(), operation.clone());
                let adopted = services.call(&op, &adopted, body(), Some(&me)).await;
                let nothing = ids("default".to_owned(), VmId::mint().to_string(), operation.clone());
                let nothing = services.call(&op, &nothing, body(), Some(&me)).await;
                assert_eq!(
                    adopted.without_request(),
                    nothing.without_request(),
                    "t02 {} as {role:?}",
                    op.id
                );
            }
        }
    }
    assert_eq!(before, state(&services, &theirs).await, "nothing of theirs has changed");
}

#[tokio::test]
async fn t18_an_operator_without_an_access_sees_no_tenants_content() {
    let services = Services::start().await;
    let theirs = furnished(&services).await;
    let before = state(&services, &theirs).await;
    let bindings = vec![Binding::role(Role::PlatformOperator, None)];
    let operator = Caller::newcomer(PLATFORM, UserId::mint(), bindings, None, RequestId::mint());
    let (project, vm, operation) = (
        theirs.tenant.project.to_string(),
        theirs.vm.clone(),
        theirs.operation.clone(),
    );
    for op in with_ids() {
        let body = || body_of(&op.id);
        let foreign = ids(project.clone(), vm.clone(), operation.clone());
        let foreign = services.call(&op, &foreign, body(), Some(&operator)).await;
        let never = ids(
            ProjectId::mint().to_string(),
            VmId::mint().to_string(),
            OperationId::mint().to_string(),
        );
        let absent = services.call(&op, &never, body(), Some(&operator)).await;
        assert_eq!(foreign.without_request(), absent.without_request(), "{}", op.id);
        assert!(
            matches!(foreign.status.as_u16(), 403 | 404),
            "{}: {}",
            op.id,
            foreign.text
        );
    }
    let secrets = [project, vm, operation];
    for op in operations().iter().filter(|op| op.method == reqwest::Method::GET) {
        let nobody = ids("default".to_owned(), VmId::mint().to_string(), String::new());
        let reply = services.call(op, &nobody, None, Some(&operator)).await;
        let shown = secrets.iter().find(|secret| reply.text.contains(*secret));
        assert_eq!(shown, None, "{}: {}", op.id, reply.text);
    }
    assert_eq!(before, state(&services, &theirs).await, "nothing of theirs has changed");
}

/// What their owner sees of what is theirs.
async fn state(services: &Services, theirs: &Theirs) -> Vec<String> {
    let compute = services.client("compute").caller(&theirs.owner);
    let identity = services.client("identity").caller(&theirs.owner);
    let vm = compute
        .get(&format!("/api/v1/projects/default/vms/{}", theirs.vm))
        .await
        .expect(200)
        .json;
    // A machine without a host is tried again and again; what its owner asked for does not change by that.
    let fixed = ["id", "name", "generation", "labels", "created_at"].map(|field| vm[field].to_string());
    let project = identity.get("/api/v1/projects/default").await.expect(200).text;
    let quotas = compute.get("/api/v1/quotas").await.expect(200).text;
    fixed.into_iter().chain([project, quotas]).collect()
}
