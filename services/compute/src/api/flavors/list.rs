use actix_web::get;
use actix_web::web::Data;
use auth::action::flavor;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort};

use super::FlavorView;
use crate::state::Compute;
use crate::store::{self, Slice};

/// How to list flavors.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListFlavors {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "sm")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists flavors.
#[utoipa::path(
    operation_id = "list_flavors",
    tag = "flavors",
    description = "The sizes of machine the platform offers, a page at a time.",
    params(ListFlavors),
    responses((status = 200, description = "A page of flavors", body = Page<FlavorView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/flavors")]
pub async fn list_flavors(
    ask: Read<flavor::List, ListFlavors>,
    compute: Data<Compute>,
) -> Result<Page<FlavorView>, fault::Error> {
    page(&ask, &compute).await
}

/// Lists flavors, for operators.
#[utoipa::path(
    operation_id = "list_system_flavors",
    tag = "flavors",
    description = "The same list as `GET /flavors`, where operators look for it.",
    params(ListFlavors),
    responses((status = 200, description = "A page of flavors", body = Page<FlavorView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/flavors")]
pub async fn list_system_flavors(
    ask: Read<flavor::List, ListFlavors>,
    compute: Data<Compute>,
) -> Result<Page<FlavorView>, fault::Error> {
    page(&ask, &compute).await
}

async fn page(ask: &Read<flavor::List, ListFlavors>, compute: &Compute) -> Result<Page<FlavorView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("flavors", query),
    };
    let slice = Slice::parse(ask.caller(), &listing, query.q.as_deref(), query.sort)?;

    let mut tx = ask.begin(&compute.db).await?;

    let rows = store::flavors::list(&mut tx, &slice).await?;
    Ok(slice.page(rows, |flavor| (flavor.id, &flavor.name)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn everybody_signed_in_sees_them_in_order() {
        let test = start().await;
        test.flavor(&test.operator(&test.bench.tenant("ops").await), "small")
            .await;
        test.flavor(&test.operator(&test.bench.tenant("more").await), "big")
            .await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Owner, Role::Viewer, Role::Auditor] {
            let page = test
                .client
                .caller(&tenant.caller(role))
                .get("/api/v1/flavors?sort=name")
                .await
                .expect(200);
            let names: Vec<_> = page.json["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| &item["name"])
                .collect();
            assert_eq!(names, [&json!("big"), &json!("small")]);
            assert_eq!(page.json["next_page"], json!(null));
        }
        test.client.get("/api/v1/flavors").await.expect(401);
        test.client
            .caller(&tenant.caller(Role::Viewer))
            .get("/api/v1/flavors?limit=0")
            .await
            .expect(400);
    }
}
