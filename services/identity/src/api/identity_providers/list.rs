use actix_web::get;
use actix_web::web::Data;
use auth::action::identity_provider;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::IdentityProviderView;
use crate::provider::Provider;
use crate::state::Identity;
use crate::store;

/// How to list identity providers.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListIdentityProviders {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

/// Lists identity providers.
#[utoipa::path(
    operation_id = "list_identity_providers",
    tag = "identity-providers",
    description = "The tenant's providers by name, a page at a time. Needs `identity_provider.list`.",
    params(ListIdentityProviders),
    responses((status = 200, description = "A page of providers", body = Page<IdentityProviderView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/identity-providers")]
pub async fn list_identity_providers(
    ask: Read<identity_provider::List, ListIdentityProviders>,
    identity: Data<Identity>,
) -> Result<Page<IdentityProviderView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("identity-providers", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let mut rows = Vec::new();
    for provider in store::identity_providers::list(&mut tx, &tenant, &window).await? {
        let rules = store::identity_providers::rules(&mut tx, provider.id).await?;
        rows.push((provider, rules));
    }
    let key = |(provider, _): &(Provider, _)| vec![provider.name.clone()];
    let redirect = identity.providers.redirect();
    Ok(window.page(rows, key, |(provider, rules)| {
        IdentityProviderView::of(&provider, &rules, redirect)
    }))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for name in ["b", "c", "a"] {
            let body = json!({"name": name, "issuer": "https://id.example", "client_id": "yunshu"});
            owner.post("/api/v1/identity-providers", body).await.expect(201);
        }
        let start = "/api/v1/identity-providers?limit=1";
        let (mut seen, mut path) = (Vec::new(), start.to_owned());
        loop {
            let page = owner.get(&path).await.expect(200);
            seen.push(page.json["items"][0]["name"].as_str().unwrap().to_owned());
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            path = format!("{start}&page_token={token}");
        }
        assert_eq!(seen, ["a", "b", "c"]);
        let operator = test.client.caller(&tenant.caller(Role::Operator));
        operator.get("/api/v1/identity-providers").await.expect(403);
    }
}
