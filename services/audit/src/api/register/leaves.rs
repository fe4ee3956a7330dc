use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::audit;
use serde::{Deserialize, Serialize};
use tlog::register::Leaf;
use utoipa::{IntoParams, ToSchema};
use web::{Listing, Page, Read, Refusals, Window};

use crate::state::Audit;
use crate::store::register;

/// A leaf of the register.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegisterLeaf {
    /// Its place, from 0.
    #[schema(example = 4711)]
    pub index: i64,
    /// Tells it from all others to who knows its log's blind, in base64.
    #[schema(example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    pub label: String,
    /// What it says, to the same, in base64.
    #[schema(example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    pub value: String,
}

/// Leaves, the first first. A page like any other; it has a name because nothing but this list tells of its items.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterLeaves {
    /// The leaves.
    pub items: Vec<RegisterLeaf>,
    /// Where to go on; null on the last page.
    pub next_page: Option<String>,
}

/// Which leaves to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListLeaves {
    /// How many at most, 1 to 1,000.
    #[param(example = 1000, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
    /// From this place on.
    #[serde(default)]
    #[param(example = 0, minimum = 0)]
    from: i64,
    /// Up to the end of a register of this size.
    #[param(example = 5000, minimum = 0)]
    size: i64,
}

/// Lists the leaves of the register of all logs.
#[utoipa::path(
    operation_id = "list_audit_register_leaves",
    tag = "audit",
    description = "Everything that is in the register as it was at this size, in its order: two hashes per leaf. Whoever makes \
                   the tree of them must come to the root that was signed, and finds every leaf of its own log among them. \
                   Needs `audit.list`.",
    params(ListLeaves),
    responses((status = 200, description = "A page of leaves", body = RegisterLeaves), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/register/leaves")]
pub async fn list_audit_register_leaves(
    ask: Read<audit::List, ListLeaves>,
    audit: Data<Audit>,
) -> Result<Json<RegisterLeaves>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "leaves",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let after: Option<i64> = window.after(0)?;
    let from = after.map_or(ask.query.from, |after| after.saturating_add(1));
    let size = ask.query.size;
    for (name, number) in [("?from", ask.query.from), ("?size", size)] {
        if number < 0 {
            return Err(fault::Error::invalid(name, "must be a number from 0"));
        }
    }

    let mut tx = ask.begin(&audit.db).await?;
    let leaves = register::leaves(&mut tx, (from, size), window.fetch()).await?;
    let key = |(index, _): &(i64, Leaf)| vec![index.to_string()];
    let view = |(index, leaf): (i64, Leaf)| RegisterLeaf {
        index,
        label: leaf.label.to_string(),
        value: leaf.value.to_string(),
    };
    let page: Page<RegisterLeaf> = window.page(leaves, key, view);
    Ok(Json(RegisterLeaves {
        items: page.items,
        next_page: page.next_page,
    }))
}
