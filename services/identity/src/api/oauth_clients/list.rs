use actix_web::get;
use actix_web::web::Data;
use auth::action::oauth_client;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::OauthClientView;
use crate::oauth::Client;
use crate::state::Identity;
use crate::store;

/// How to list clients.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOauthClients {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "Gr")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists clients.
#[utoipa::path(
    operation_id = "list_oauth_clients",
    tag = "oauth-clients",
    description = "The tenant's clients, a page at a time. Needs `oauth_client.list`.",
    params(ListOauthClients),
    responses((status = 200, description = "A page of clients", body = Page<OauthClientView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/oauth-clients")]
pub async fn list_oauth_clients(
    ask: Read<oauth_client::List, ListOauthClients>,
    identity: Data<Identity>,
) -> Result<Page<OauthClientView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("oauth-clients", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::oauth_clients::list(&mut tx, &tenant, query.q.as_deref(), query.sort, &window).await?;
    let by_name = matches!(query.sort, Sort::Name | Sort::NameDescending);
    let key = |row: &Client| vec![if by_name { row.name.clone() } else { row.id.to_string() }];
    Ok(window.page(rows, key, |row| OauthClientView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::oauth::App;
    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_every_order() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        for name in ["b1", "a2", "a1"] {
            App::register(&me, json!({"name": name})).await;
        }
        for (query, expected) in [
            ("sort=created_at", vec!["b1", "a2", "a1"]),
            ("sort=-created_at", vec!["a1", "a2", "b1"]),
            ("sort=name", vec!["a1", "a2", "b1"]),
            ("sort=-name", vec!["b1", "a2", "a1"]),
            ("sort=name&q=a", vec!["a1", "a2"]),
        ] {
            let (mut seen, mut path) = (Vec::new(), format!("/api/v1/oauth-clients?limit=1&{query}"));
            loop {
                let page = me.get(&path).await.expect(200).json;
                seen.push(page["items"][0]["name"].as_str().unwrap().to_owned());
                let Some(next) = page["next_page"].as_str() else { break };
                path = format!("/api/v1/oauth-clients?limit=1&{query}&page_token={next}");
            }
            assert_eq!(seen, expected, "{query}");
        }
        let them = test.client.caller(&theirs.caller(Role::Auditor));
        assert_eq!(
            them.get("/api/v1/oauth-clients").await.expect(200).json["items"],
            json!([])
        );
        let viewer = test.client.caller(&mine.caller(Role::Viewer));
        viewer.get("/api/v1/oauth-clients").await.expect(403);
    }
}
