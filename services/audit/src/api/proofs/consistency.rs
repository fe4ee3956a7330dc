use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Read, Refusals};

use super::{ConsistencyProof, covering, size, texts};
use crate::api::checkpoints::latest;
use crate::state::Audit;
use crate::store;

/// What to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProveConsistency {
    /// The size of the earlier checkpoint: the one that was kept.
    #[param(example = 1000, minimum = 1)]
    from: i64,
    /// The size of the later one, or `latest`.
    #[serde(default = "latest")]
    #[param(example = "latest", max_length = 20)]
    to: String,
}

/// Proves that the audit log only grew.
#[utoipa::path(
    operation_id = "read_audit_consistency_proof",
    tag = "audit",
    description = "The hashes that prove that the log under the later checkpoint begins with the log under the earlier one. \
                   Keep a checkpoint today, and ask for this proof tomorrow. 404 where there is no such checkpoint. Needs \
                   `audit.read`.",
    params(ProveConsistency),
    responses((status = 200, description = "The proof", body = ConsistencyProof), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/proofs/consistency")]
pub async fn read_audit_consistency_proof(
    ask: Read<audit::Read, ProveConsistency>,
    audit: Data<Audit>,
) -> Result<actix_web::web::Json<ConsistencyProof>, fault::Error> {
    let from = ask.query.from;
    let to = size(&ask.query.to, "?to")?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    let signed = covering(&mut tx, &tenant, to, from).await?;

    let (old, new) = (from.cast_unsigned(), signed.size.cast_unsigned());
    let needed = tlog::tiles::needed_for_consistency(old, new);
    let tiles = store::trees::tiles(&mut tx, &tenant, &needed).await?;
    let hashes = tlog::tiles::consistency_proof(&tiles, old, new).map_err(fault::Error::internal)?;
    Ok(actix_web::web::Json(ConsistencyProof {
        from,
        to: signed.size,
        hashes: texts(&hashes),
        checkpoint: signed.whole(),
    }))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;
    use tlog::Hash;

    use crate::testing::start_paced;

    const PROVE: &str = "/api/v1/audit/proofs/consistency";

    #[tokio::test]
    async fn every_checkpoint_is_proven_to_continue_every_earlier_one() {
        let test = start_paced(1, 0).await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        let mut roots = Vec::new();
        for entries in 1..=6 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
            test.signed(&tenant, entries).await;
            let latest = owner.get("/api/v1/audit/checkpoints/latest").await.expect(200);
            roots.push(latest.json["root"].as_str().unwrap().parse::<Hash>().unwrap());
        }
        for to in 1..=6 {
            for from in 1..=to {
                let proof = owner.get(&format!("{PROVE}?from={from}&to={to}")).await.expect(200);
                let hash = |text: &serde_json::Value| text.as_str().unwrap().parse::<Hash>().unwrap();
                let hashes: Vec<Hash> = proof.json["hashes"].as_array().unwrap().iter().map(hash).collect();
                let (old, new) = (roots[from - 1], roots[to - 1]);
                tlog::verify_consistency(from as u64, to as u64, &hashes, old, new).unwrap();
            }
        }
        for absent in ["from=7", "from=3&to=2", "from=1&to=9", "from=0", "from=-1"] {
            owner.get(&format!("{PROVE}?{absent}")).await.expect(404);
        }
        for wrong in ["", "from=x", "from=1&to=x", "from=1&to=0"] {
            owner.get(&format!("{PROVE}?{wrong}")).await.expect(400);
        }
    }

    #[tokio::test]
    async fn t01_of_others_nothing_is_proven() {
        let test = start_paced(1, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.signed(&theirs, 1).await;
        test.owner(&mine).get(&format!("{PROVE}?from=1")).await.expect(404);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get(&format!("{PROVE}?from=1")).await.expect(403);
    }
}
