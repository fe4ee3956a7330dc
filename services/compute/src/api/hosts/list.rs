use actix_web::get;
use actix_web::web::Data;
use auth::action::host;
use ids::IdOrName;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort};

use super::HostView;
use crate::host::HostState;
use crate::state::Compute;
use crate::store::hosts::Filter;
use crate::store::{self, Slice};

/// How to list hosts.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListHosts {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "rack-3")]
    q: Option<String>,
    /// Only of this pool, by id or name.
    #[param(example = "default", max_length = 63)]
    pool: Option<String>,
    /// Only in this state.
    #[param(inline)]
    state: Option<HostState>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists hosts.
#[utoipa::path(
    operation_id = "list_hosts",
    tag = "hosts",
    description = "The platform's hosts, a page at a time. Needs `host.list`: platform operators only.",
    params(ListHosts),
    responses((status = 200, description = "A page of hosts", body = Page<HostView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/hosts")]
pub async fn list_hosts(
    ask: Read<host::List, ListHosts>,
    compute: Data<Compute>,
) -> Result<Page<HostView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("hosts", query),
    };
    let slice = Slice::parse(ask.caller(), &listing, query.q.as_deref(), query.sort)?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;

    let filter = Filter {
        pool: query.pool.as_deref().map(IdOrName::of),
        state: query.state,
    };
    let rows = store::hosts::list(&mut tx, &platform, &filter, &slice).await?;
    Ok(slice.page(rows, |host| (host.id, &host.name)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn by_pool_state_and_name_in_every_order() {
        let test = start().await;
        let tenant = test.bench.tenant("ops").await;
        let operator = test.operator(&tenant);
        for (pool, host) in [("a", "a2"), ("a", "a1"), ("b", "b1")] {
            test.host(&operator, pool, host).await;
        }
        operator
            .patch("/api/v1/system/hosts/b1", "*", json!({"state": "maintenance"}))
            .await
            .expect(200);
        let names = async |query: &str| {
            let page = operator.get(&format!("/api/v1/system/hosts?{query}")).await.expect(200);
            let items = page.json["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(names("").await, ["a2", "a1", "b1"]);
        assert_eq!(names("sort=-name").await, ["b1", "a2", "a1"]);
        assert_eq!(names("pool=a&sort=name").await, ["a1", "a2"]);
        assert_eq!(names("state=maintenance").await, ["b1"]);
        assert_eq!(names("q=b").await, ["b1"]);
        assert_eq!(names("pool=none").await, Vec::<String>::new());
        operator.get("/api/v1/system/hosts?state=broken").await.expect(400);
        test.client
            .caller(&tenant.caller(Role::Owner))
            .get("/api/v1/system/hosts")
            .await
            .expect(403);
    }
}
