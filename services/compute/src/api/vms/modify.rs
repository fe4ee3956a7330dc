use std::collections::BTreeMap;

use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::vm;
use db::{Changed, Outcome, Status};
use scope::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{VmPath, VmView};
use crate::events::VmUpdated;
use crate::state::Compute;
use crate::store;
use crate::vm::Renamed;

/// What to change of a machine; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyVm {
    /// The new name.
    #[schema(example = "web-2", min_length = 1, max_length = 63)]
    pub name: Option<String>,
    /// The new labels, all of them.
    #[schema(example = json!({"env": "prod"}))]
    pub labels: Option<BTreeMap<String, String>>,
}

/// Changes a virtual machine.
#[utoipa::path(
    operation_id = "modify_vm",
    tag = "vms",
    description = "Changes name or labels. Send the `ETag` last read as `If-Match`. Needs `vm.modify` in the project.",
    params(VmPath, DryRun, IfMatch),
    request_body(content = ModifyVm, description = "What to change"),
    responses((status = 200, description = "The machine as it is now", body = VmView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/projects/{project}/vms/{vm}")]
pub async fn modify_vm(
    ask: Change<vm::Modify, ModifyVm>,
    path: Path<VmPath>,
    compute: Data<Compute>,
) -> Outcome<VmView> {
    let new = Renamed::check(ask.body.name.as_deref(), ask.body.labels.as_ref())?;

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;
    let vm = store::vms::hold(&mut tx, vm).await?;
    let before = VmView::from(&*vm);
    tx.must_match(&before)?;

    let vm = store::vms::set_description(&mut tx, &vm, &new)
        .await
        .map_err(|error| error.taken("vm"))?;
    tx.emit(&VmUpdated::of(&vm))?;

    tx.finish(Status::Ok, Changed(before, VmView::from(&vm))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::vms::testing::{VMS, small, stocked};

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let world = stocked().await;
        let made = world.owner.post(VMS, small("web")).await.expect(202);
        world.owner.post(VMS, small("taken")).await.expect(202);
        let path = made.header("location").to_owned();
        // The placer's first word changes what there is to see.
        let read = testkit::eventually("the placer's word", || async {
            let read = world.owner.get(&path).await.expect(200);
            read.json["last_error"].is_object().then_some(read)
        })
        .await;
        let etag = read.header("etag").to_owned();
        let changed = world
            .owner
            .patch(&path, &etag, json!({"name": "shop", "labels": {"a": "b"}}))
            .await
            .expect(200);
        assert_eq!(
            (&changed.json["name"], &changed.json["labels"]),
            (&json!("shop"), &json!({"a": "b"}))
        );
        assert_eq!(changed.json["generation"], 1, "no host has anything to do");
        world
            .owner
            .patch(&path, &etag, json!({"name": "again"}))
            .await
            .expect(412);
        let unguarded = world
            .owner
            .request(reqwest::Method::PATCH, &path)
            .json(&json!({"name": "again"}));
        world.owner.send(unguarded).await.expect(428);
        world
            .owner
            .patch(&path, "*", json!({"name": "taken"}))
            .await
            .expect(409);
        world
            .owner
            .patch(&path, "*", json!({"name": "Bad Name"}))
            .await
            .expect(400);
    }
}
