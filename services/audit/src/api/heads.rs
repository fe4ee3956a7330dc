//! The tenant's own places in the register of all logs: wire types and endpoints.

pub mod list;
pub mod read;

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Reason, Tenant};
use serde::Serialize;
use tlog::{Hash, tiles};
use utoipa::ToSchema;

use crate::log::REGISTER;
use crate::state::Audit;
use crate::store::checkpoints::{self, Signed};
use crate::store::register::{self, Begun, Registered};
use crate::store::trees::{self, Tree};

/// A checkpoint of the tenant's log that is in the register.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeadView {
    /// Its name: the size.
    #[schema(example = "1000")]
    pub id: String,
    /// How many entries it covers.
    #[schema(example = 1000)]
    pub size: i64,
    /// The root of the Merkle tree over them, in base64.
    #[schema(example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    pub root: String,
    /// The place of its leaf in the register, from 0.
    #[schema(example = 4711)]
    pub index: i64,
    /// When it was registered, in whole seconds: the leaf says so.
    pub created_at: DateTime<Utc>,
    /// When it was last changed: never.
    pub updated_at: DateTime<Utc>,
}

impl From<Registered> for HeadView {
    fn from(registered: Registered) -> Self {
        Self {
            id: registered.head.size.to_string(),
            size: registered.head.size.cast_signed(),
            root: registered.head.root.to_string(),
            index: registered.index,
            created_at: registered.time,
            updated_at: registered.time,
        }
    }
}

/// A head of a log, and where it and the log's blind stand in the register.
pub(super) struct Placed {
    pub begun: Begun,
    pub head: Registered,
    pub begun_proof: Vec<Hash>,
    pub proof: Vec<Hash>,
    /// The register's checkpoint that both are proven in.
    pub signed: Signed,
}

/// The register's checkpoint of this size, or its newest.
pub(super) async fn signed(audit: &Audit, size: Option<i64>) -> Result<Option<Signed>, fault::Error> {
    let mut tx = audit.db.system(Reason::Register).await?;
    Ok(match size {
        Some(size) => checkpoints::of(&mut tx, REGISTER, size).await?,
        None => checkpoints::below(&mut tx, REGISTER, None, 1).await?.pop(),
    })
}

/// The tenant's head of this size, or its newest, in the register as it was signed.
pub(super) async fn place<A: Action>(
    audit: &Audit,
    (tx, tenant): (&mut Read<A>, &Granted<Tenant, A>),
    size: Option<i64>,
    signed: Signed,
) -> Result<Option<Placed>, fault::Error> {
    let upto = (size.map(|size| size.saturating_add(1)), Some(signed.size));
    let mut heads = register::heads(tx, tenant, upto, 1).await?;
    let is_it = |head: &Registered| size.is_none_or(|size| size == head.head.size.cast_signed());
    let head = heads.pop().filter(is_it);
    let Some((begun, head)) = register::begun(tx, tenant).await?.zip(head) else {
        return Ok(None);
    };
    let many = signed.size.cast_unsigned();
    let places = [begun.index.cast_unsigned(), head.index.cast_unsigned()];
    let needed: Vec<_> = places
        .iter()
        .flat_map(|index| tiles::needed_for_inclusion(*index, many))
        .collect();
    let mut system = audit.db.system(Reason::Register).await?;
    let tree = Tree {
        tenant: REGISTER,
        size: signed.size,
    };
    let known = trees::tiles_of(&mut system, tree, &needed).await?;
    drop(system);
    let proof = |index| tiles::inclusion_proof(&known, index, many).map_err(fault::Error::internal);
    let [begun_proof, proof] = [proof(places[0])?, proof(places[1])?];
    Ok(Some(Placed {
        begun,
        head,
        begun_proof,
        proof,
        signed,
    }))
}
