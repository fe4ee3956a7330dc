use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::audit;
use db::Reason;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Read, Refusals};

use crate::api::checkpoints::latest;
use crate::api::heads;
use crate::api::proofs::{ConsistencyProof, size, texts};
use crate::log::REGISTER;
use crate::state::Audit;
use crate::store::trees::{self, Tree};

/// What to prove of the register.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProveRegister {
    /// The size of the earlier checkpoint: the one that was kept.
    #[param(example = 1000, minimum = 1)]
    from: i64,
    /// The size of the later one, or `latest`.
    #[serde(default = "latest")]
    #[param(example = "latest", max_length = 20)]
    to: String,
}

/// Proves that the register of all logs only grew.
#[utoipa::path(
    operation_id = "read_audit_register_consistency_proof",
    tag = "audit",
    description = "The hashes that prove that the register under the later checkpoint begins with the register under the earlier \
                   one. 404 where there is no such checkpoint. Needs `audit.read`.",
    params(ProveRegister),
    responses((status = 200, description = "The proof", body = ConsistencyProof), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/register/consistency")]
pub async fn read_audit_register_consistency_proof(
    ask: Read<audit::Read, ProveRegister>,
    audit: Data<Audit>,
) -> Result<Json<ConsistencyProof>, fault::Error> {
    let from = ask.query.from;
    let to = size(&ask.query.to, "?to")?;
    ask.begin(&audit.db).await?.tenant()?;

    let signed = heads::signed(&audit, to).await?;
    let signed = signed.filter(|signed| (1..=signed.size).contains(&from));
    let signed = signed.ok_or_else(|| fault::Error::not_found("proof"))?;
    let (old, new) = (from.cast_unsigned(), signed.size.cast_unsigned());
    let tree = Tree {
        tenant: REGISTER,
        size: signed.size,
    };
    let mut tx = audit.db.system(Reason::Register).await?;
    let known = trees::tiles_of(&mut tx, tree, &tlog::tiles::needed_for_consistency(old, new)).await?;
    let hashes = tlog::tiles::consistency_proof(&known, old, new).map_err(fault::Error::internal)?;
    Ok(Json(ConsistencyProof {
        from,
        to: signed.size,
        hashes: texts(&hashes),
        checkpoint: signed.whole(),
    }))
}
