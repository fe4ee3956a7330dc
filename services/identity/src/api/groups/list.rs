use actix_web::get;
use actix_web::web::Data;
use auth::action::group;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::GroupView;
use crate::group::Group;
use crate::state::Identity;
use crate::store;

/// How to list groups.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListGroups {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "dev")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists groups.
#[utoipa::path(
    operation_id = "list_groups",
    tag = "groups",
    description = "The tenant's groups, a page at a time. Needs `group.list`.",
    params(ListGroups),
    responses((status = 200, description = "A page of groups", body = Page<GroupView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/groups")]
pub async fn list_groups(
    ask: Read<group::List, ListGroups>,
    identity: Data<Identity>,
) -> Result<Page<GroupView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("groups", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::groups::list(&mut tx, &tenant, query.q.as_deref(), query.sort, &window).await?;
    let by_name = matches!(query.sort, Sort::Name | Sort::NameDescending);
    let key = |row: &Group| vec![if by_name { row.name.clone() } else { row.id.to_string() }];
    Ok(window.page(rows, key, |row| GroupView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before_and_holds_nothing_of_others() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let them = test.client.caller(&other.caller(Role::Owner));
        them.post("/api/v1/groups", json!({"name": "theirs"})).await.expect(201);
        let made = ["beta", "alpha", "ants"];
        for name in made {
            admin.post("/api/v1/groups", json!({"name": name})).await.expect(201);
        }
        for (sort, mut expected) in [
            ("created_at", made),
            ("-created_at", made),
            ("name", ["alpha", "ants", "beta"]),
            ("-name", ["alpha", "ants", "beta"]),
        ] {
            if sort.starts_with('-') {
                expected.reverse();
            }
            let start = format!("/api/v1/groups?limit=1&sort={sort}");
            let (mut seen, mut path) = (Vec::new(), start.clone());
            loop {
                let page = admin.get(&path).await.expect(200);
                seen.push(page.json["items"][0]["name"].as_str().unwrap().to_owned());
                let Some(token) = page.json["next_page"].as_str() else {
                    break;
                };
                path = format!("{start}&page_token={token}");
            }
            assert_eq!(seen, expected, "{sort}");
        }
        let found = admin.get("/api/v1/groups?q=a&sort=name").await.expect(200);
        let names: Vec<_> = found.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["name"])
            .collect();
        assert_eq!(names, ["alpha", "ants"]);
        test.client
            .caller(&tenant.caller(Role::Viewer))
            .get("/api/v1/groups")
            .await
            .expect(403);
    }
}
