use actix_web::get;
use actix_web::web::{Data, Json, Path};
use auth::action::vm;
use chrono::{DateTime, Utc};
use scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Read, Refusals};

use super::VmPath;
use crate::placement::{Filtered, Scored};
use crate::state::Compute;
use crate::store;

/// Why a machine stands where it stands, or nowhere.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlacementView {
    /// What each filter let through, in the order they were asked.
    pub filters: Vec<Filtered>,
    /// The hosts that were left, best first; at most the first 20.
    pub scores: Vec<Scored>,
    /// The host it was placed on; null when none had room.
    #[schema(example = "host-7f3a")]
    pub chosen: Option<String>,
    /// How many better hosts were full by the time they were asked.
    #[schema(example = 0)]
    pub lost_races: u32,
    /// One sentence, for people.
    #[schema(example = "4 of 6 hosts fit; the best was host-7f3a.")]
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// Reads why a machine is where it is.
#[utoipa::path(
    operation_id = "read_vm_placement",
    tag = "vms",
    description = "The newest decision on where the machine goes: filters with counts, scores, reason. 404 before the \
                   first. Needs `vm.read` in the project.",
    params(VmPath),
    responses((status = 200, description = "The decision", body = PlacementView), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}/vms/{vm}/placement")]
pub async fn read_vm_placement(
    ask: Read<vm::Read>,
    path: Path<VmPath>,
    compute: Data<Compute>,
) -> Result<Json<PlacementView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;

    let found = store::placements::lookup(&mut tx, &vm).await?;
    let (record, decided_at) = found.ok_or_else(|| fault::Error::not_found("placement"))?;
    Ok(Json(PlacementView {
        filters: record.filters,
        scores: record.scores,
        chosen: record.chosen,
        lost_races: record.lost_races,
        reason: record.reason,
        decided_at,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::vms::testing::{VMS, small, stocked};

    #[tokio::test]
    async fn it_says_why_there_is_no_place_and_then_which_it_is() {
        let world = stocked().await;
        world.owner.post(VMS, small("web")).await.expect(202);
        let path = format!("{VMS}/web/placement");
        let decided = testkit::eventually("a decision", || async {
            let reply = world.owner.get(&path).await;
            (reply.status == 200).then_some(reply)
        })
        .await;
        assert_eq!(
            (&decided.json["chosen"], &decided.json["reason"]),
            (&json!(null), &json!("There is no host yet."))
        );
        let vm = world.owner.get(&format!("{VMS}/web")).await.expect(200);
        assert_eq!(
            (&vm.json["status"], &vm.json["last_error"]["code"]),
            (&json!("queued"), &json!("no_capacity"))
        );

        let host = world.host("h1").await;
        let placed = world.until("web", "building").await;
        assert_eq!(placed.json["last_error"], json!(null));
        let decided = world.owner.get(&path).await.expect(200);
        assert_eq!(decided.json["chosen"], placed.json["host_alias"]);
        assert_eq!(
            decided.json["filters"][0],
            json!({"name": "state", "before": 1, "after": 1})
        );
        assert!(!decided.text.contains(&host.id));
    }
}
