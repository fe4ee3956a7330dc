use actix_web::get;
use actix_web::web::Data;
use auth::action::user;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::UserView;
use crate::state::Identity;
use crate::store::{self, users::Filter};
use crate::user::User;

/// How to list people.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// E-mail addresses or names that begin with this, in any case.
    #[param(example = "ada")]
    q: Option<String>,
    /// Only those who may sign in, or only those who may not.
    #[param(example = true)]
    enabled: Option<bool>,
    /// The order; `name` is what they are called.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists people.
#[utoipa::path(
    operation_id = "list_users",
    tag = "users",
    description = "The people of the tenant, a page at a time. Needs `user.list`.",
    params(ListUsers),
    responses((status = 200, description = "A page of people", body = Page<UserView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/users")]
pub async fn list_users(
    ask: Read<user::List, ListUsers>,
    identity: Data<Identity>,
) -> Result<Page<UserView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("users", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let filter = Filter {
        prefix: query.q.as_deref(),
        enabled: query.enabled,
    };
    let rows = store::users::list(&mut tx, &tenant, &filter, query.sort, &window).await?;
    let by_name = matches!(query.sort, Sort::Name | Sort::NameDescending);
    let key = |row: &User| {
        let id = row.id.to_string();
        if by_name {
            vec![row.name_key.clone(), id]
        } else {
            vec![id]
        }
    };
    Ok(window.page(rows, key, |row| UserView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    fn names(reply: &testkit::Reply) -> Vec<String> {
        let items = reply.json["items"].as_array().unwrap();
        let name = |item: &serde_json::Value| item["display_name"].as_str().unwrap().to_owned();
        items.iter().map(name).collect()
    }

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_every_order() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "mia", Role::Owner).await;
        // Two of one name: the order has no ties.
        for (address, name) in [("zoe", "Zoë"), ("ada", "ada"), ("ada2", "ada"), ("abe", "Abe")] {
            test.person_called(&tenant, address, name, Role::Viewer).await;
        }
        let other = test.bench.tenant("other").await;
        test.person(&other, "them", Role::Owner).await;
        let made = ["mia", "Zoë", "ada", "ada", "Abe"];
        let named = ["Abe", "ada", "ada", "mia", "Zoë"];
        for (sort, mut expected) in [
            ("created_at", made),
            ("-created_at", made),
            ("name", named),
            ("-name", named),
        ] {
            if sort.starts_with('-') {
                expected.reverse();
            }
            let start = format!("/api/v1/users?limit=1&sort={sort}");
            let (mut seen, mut path) = (Vec::new(), start.clone());
            loop {
                let page = owner.client.get(&path).await.expect(200);
                seen.extend(names(&page));
                let Some(token) = page.json["next_page"].as_str() else {
                    break;
                };
                path = format!("{start}&page_token={token}");
            }
            assert_eq!(seen, expected, "{sort}");
        }
    }

    #[tokio::test]
    async fn they_are_found_by_how_address_or_name_begin() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person_called(&tenant, "owner", "The Owner", Role::Owner).await;
        test.person_called(&tenant, "grace", "Rear Admiral", Role::Viewer).await;
        test.person_called(&tenant, "radia", "Perlman", Role::Viewer).await;
        let found = async |query: &str| {
            let page = owner.client.get(&format!("/api/v1/users?sort=name&{query}")).await;
            names(&page.expect(200))
        };
        assert_eq!(found("q=r").await, ["Perlman", "Rear Admiral"]);
        assert_eq!(found("q=REAR").await, ["Rear Admiral"]);
        assert_eq!(found("q=Grace@").await, ["Rear Admiral"]);
        assert_eq!(found("q=%25").await, [""; 0]);
        assert_eq!(found("enabled=false").await, [""; 0]);
        assert_eq!(found("enabled=true&q=the").await, ["The Owner"]);
        for bad in ["enabled=1", "sort=email", "nope=1"] {
            owner.client.get(&format!("/api/v1/users?{bad}")).await.expect(400);
        }
    }

    #[tokio::test]
    async fn t18_who_does_not_look_after_people_does_not_list_them() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for (name, role, status) in [
            ("a", Role::Admin, 200),
            ("b", Role::Auditor, 200),
            ("c", Role::Operator, 403),
            ("d", Role::Viewer, 403),
        ] {
            let person = test.person(&tenant, name, role).await;
            person.client.get("/api/v1/users").await.expect(status);
        }
    }
}
