use actix_web::get;
use actix_web::web::Data;
use auth::action::pool;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort};

use super::PoolView;
use crate::state::Compute;
use crate::store::{self, Slice};

/// How to list pools.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPools {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "de")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists pools.
#[utoipa::path(
    operation_id = "list_pools",
    tag = "pools",
    description = "The platform's pools, a page at a time. Needs `pool.list`: platform operators only.",
    params(ListPools),
    responses((status = 200, description = "A page of pools", body = Page<PoolView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/pools")]
pub async fn list_pools(
    ask: Read<pool::List, ListPools>,
    compute: Data<Compute>,
) -> Result<Page<PoolView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("pools", query),
    };
    let slice = Slice::parse(ask.caller(), &listing, query.q.as_deref(), query.sort)?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let rows = store::pools::list(&mut tx, &platform, &slice).await?;
    Ok(slice.page(rows, |pool| (pool.id, &pool.name)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_every_order() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        for name in ["b", "a1", "a2"] {
            operator
                .post("/api/v1/system/pools", json!({"name": name}))
                .await
                .expect(201);
        }
        for (sort, expected) in [
            ("created_at", ["b", "a1", "a2"]),
            ("-created_at", ["a2", "a1", "b"]),
            ("name", ["a1", "a2", "b"]),
            ("-name", ["b", "a2", "a1"]),
        ] {
            let (mut seen, mut path) = (Vec::new(), format!("/api/v1/system/pools?limit=1&sort={sort}"));
            loop {
                let page = operator.get(&path).await.expect(200);
                seen.extend(
                    page.json["items"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|item| item["name"].clone()),
                );
                let Some(token) = page.json["next_page"].as_str() else {
                    break;
                };
                path = format!("/api/v1/system/pools?limit=1&sort={sort}&page_token={token}");
            }
            assert_eq!(seen, expected, "{sort}");
        }
        let some = operator.get("/api/v1/system/pools?q=a").await.expect(200);
        assert_eq!(some.json["items"].as_array().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn owners_of_tenants_see_none() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.client
            .caller(&tenant.caller(Role::Owner))
            .get("/api/v1/system/pools")
            .await
            .expect(403);
        test.operator(&tenant)
            .get("/api/v1/system/pools?nope=1")
            .await
            .expect(400);
    }
}
