use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use serde::Deserialize;
use tlog::{TileId, Tiles, tiles::WIDTH};
use utoipa::IntoParams;
use web::{Read, Refusals};

use super::{InclusionProof, covering, size, texts};
use crate::api::checkpoints::latest;
use crate::state::Audit;
use crate::store;

/// What to prove.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProveInclusion {
    /// The entry's number.
    #[param(example = 17, minimum = 1)]
    seq: i64,
    /// The size of the checkpoint to prove it against, or `latest`.
    #[serde(default = "latest")]
    #[param(example = "latest", max_length = 20)]
    size: String,
}

/// Proves that an entry is in the audit log.
#[utoipa::path(
    operation_id = "read_audit_inclusion_proof",
    tag = "audit",
    description = "The hashes that lead from the entry to the root that the checkpoint signs for. 404 where there is no such \
                   checkpoint, or it does not cover the entry yet. Needs `audit.read`.",
    params(ProveInclusion),
    responses((status = 200, description = "The proof", body = InclusionProof), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/proofs/inclusion")]
pub async fn read_audit_inclusion_proof(
    ask: Read<audit::Read, ProveInclusion>,
    audit: Data<Audit>,
) -> Result<actix_web::web::Json<InclusionProof>, fault::Error> {
    let seq = ask.query.seq;
    let size = size(&ask.query.size, "?size")?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;
    let signed = covering(&mut tx, &tenant, size, seq).await?;

    let (index, of) = (seq.cast_unsigned() - 1, signed.size.cast_unsigned());
    let mut needed = tlog::tiles::needed_for_inclusion(index, of);
    needed.push(TileId {
        level: 0,
        index: index / WIDTH,
    });
    let tiles = store::trees::tiles(&mut tx, &tenant, &needed).await?;
    let hashes = tlog::tiles::inclusion_proof(&tiles, index, of).map_err(fault::Error::internal)?;
    let leaf = tiles
        .hash(0, index)
        .ok_or_else(|| fault::Error::internal("a tile is missing"))?;
    Ok(actix_web::web::Json(InclusionProof {
        seq,
        size: signed.size,
        leaf: leaf.to_string(),
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

    const PROVE: &str = "/api/v1/audit/proofs/inclusion";

    #[tokio::test]
    async fn every_entry_is_proven_against_every_later_checkpoint() {
        let test = start_paced(1, 0).await;
        let tenant = test.bench.tenant("acme").await;
        for entries in 1..=5 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
            test.signed(&tenant, entries).await;
        }
        let owner = test.owner(&tenant);
        for size in 1..=5 {
            for seq in 1..=size {
                let proof = owner.get(&format!("{PROVE}?seq={seq}&size={size}")).await.expect(200);
                let hash = |text: &serde_json::Value| text.as_str().unwrap().parse::<Hash>().unwrap();
                let hashes: Vec<Hash> = proof.json["hashes"].as_array().unwrap().iter().map(hash).collect();
                let note = tlog::Note::parse(
                    proof.json["checkpoint"].as_str().unwrap(),
                    tlog::note::Limits::default(),
                )
                .unwrap();
                note.verify(&test.log_key).unwrap();
                let root = note.text.parse::<tlog::Checkpoint>().unwrap().root;
                tlog::verify_inclusion(hash(&proof.json["leaf"]), seq - 1, size, &hashes, root).unwrap();
            }
        }
        for absent in ["seq=6", "seq=3&size=2", "seq=1&size=9", "seq=0", "seq=-1"] {
            owner.get(&format!("{PROVE}?{absent}")).await.expect(404);
        }
        for wrong in ["", "seq=x", "seq=1&size=x", "seq=1&size=0", "seq=1&size=-1"] {
            owner.get(&format!("{PROVE}?{wrong}")).await.expect(400);
        }
    }

    #[tokio::test]
    async fn t01_of_others_nothing_is_proven() {
        let test = start_paced(1, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.signed(&theirs, 1).await;
        test.owner(&mine).get(&format!("{PROVE}?seq=1")).await.expect(404);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get(&format!("{PROVE}?seq=1")).await.expect(403);
    }
}
