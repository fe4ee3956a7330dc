use actix_web::get;
use actix_web::web::Data;
use auth::action::service_account;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::ServiceAccountView;
use crate::account::ServiceAccount;
use crate::state::Identity;
use crate::store;

/// How to list service accounts.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListServiceAccounts {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "ba")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists service accounts.
#[utoipa::path(
    operation_id = "list_service_accounts",
    tag = "service-accounts",
    description = "The tenant's accounts, a page at a time. Needs `service_account.list`.",
    params(ListServiceAccounts),
    responses((status = 200, description = "A page of accounts", body = Page<ServiceAccountView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/service-accounts")]
pub async fn list_service_accounts(
    ask: Read<service_account::List, ListServiceAccounts>,
    identity: Data<Identity>,
) -> Result<Page<ServiceAccountView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("service-accounts", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::service_accounts::list(&mut tx, &tenant, query.q.as_deref(), query.sort, &window).await?;
    let by_name = matches!(query.sort, Sort::Name | Sort::NameDescending);
    let key = |row: &ServiceAccount| vec![if by_name { row.name.clone() } else { row.id.to_string() }];
    Ok(window.page(rows, key, |row| ServiceAccountView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_every_order() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        for name in ["b1", "a2", "a1"] {
            me.post("/api/v1/service-accounts", json!({"name": name}))
                .await
                .expect(201);
        }
        for (query, expected) in [
            ("sort=created_at", vec!["b1", "a2", "a1"]),
            ("sort=-created_at", vec!["a1", "a2", "b1"]),
            ("sort=name", vec!["a1", "a2", "b1"]),
            ("sort=-name", vec!["b1", "a2", "a1"]),
            ("sort=name&q=a", vec!["a1", "a2"]),
        ] {
            let (mut seen, mut path) = (Vec::new(), format!("/api/v1/service-accounts?limit=1&{query}"));
            loop {
                let page = me.get(&path).await.expect(200).json;
                seen.push(page["items"][0]["name"].as_str().unwrap().to_owned());
                let Some(next) = page["next_page"].as_str() else { break };
                path = format!("/api/v1/service-accounts?limit=1&{query}&page_token={next}");
            }
            assert_eq!(seen, expected, "{query}");
        }
        let them = test.client.caller(&theirs.caller(Role::Auditor));
        let none = them.get("/api/v1/service-accounts").await.expect(200).json;
        assert_eq!(none["items"], json!([]));
        let viewer = test.client.caller(&mine.caller(Role::Viewer));
        viewer.get("/api/v1/service-accounts").await.expect(403);
    }
}
