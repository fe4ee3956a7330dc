use actix_web::get;
use actix_web::web::Data;
use auth::action::tenant_access;
use db::Reason;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use crate::access::Access;
use crate::api::operator_access::{AccessState, OperatorAccessView};
use crate::state::Identity;
use crate::store;

/// Which accesses to list.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTenantAccess {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Only those that have come so far.
    #[param(inline)]
    state: Option<AccessState>,
    /// Only to this tenant's content.
    #[param(inline)]
    tenant: Option<TenantId>,
}

/// Lists what operators have asked of tenants.
#[utoipa::path(
    operation_id = "list_tenant_access",
    tag = "operator-access",
    description = "Every operator's access to any tenant's content, newest first, emergencies included. The reading is in the \
                   platform's log. Needs `tenant_access.list`, which platform operators have.",
    params(ListTenantAccess),
    responses((status = 200, description = "A page of accesses", body = Page<OperatorAccessView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/operator-access")]
pub async fn list_tenant_access(
    ask: Read<tenant_access::List, ListTenantAccess>,
    identity: Data<Identity>,
) -> Result<Page<OperatorAccessView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("tenant-access", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let platform = ask.begin(&identity.db).await?.platform()?;
    let about = serde_json::json!({ "filter": query });
    identity
        .db
        .record::<tenant_access::List>(ask.caller(), "operator_access".to_owned(), about)
        .await?;

    let mut tx = identity.db.system(Reason::Operator).await?;
    let filter = (query.state.map(Into::into), query.tenant);
    let rows = store::operator_access::list_any(&mut tx, &platform, filter, &window).await?;
    let key = |row: &Access| vec![row.id.to_string()];
    Ok(window.page(rows, key, |row| OperatorAccessView::from_outside(&row)))
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/system/operator-access";

    #[tokio::test]
    async fn operators_see_all_of_it_but_who_works_for_a_tenant() {
        let test = start().await;
        let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let granted = first.asks(&acme).await;
        let path = format!("/api/v1/operator-access/{granted}:approve");
        owner.client.post(&path, json!({})).await.expect(200);
        let waiting = second.asks(&byte).await;
        let items = async |query: &str| {
            let page = first.client.get(&format!("{PATH}{query}")).await.expect(200);
            assert!(!page.text.contains(&owner.id.to_string()), "{}", page.text);
            let items = page.json["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(items("").await, [waiting.clone(), granted.clone()]);
        assert_eq!(items("?state=granted").await, std::slice::from_ref(&granted));
        assert_eq!(
            items(&format!("?tenant={}", byte.id)).await,
            std::slice::from_ref(&waiting)
        );
        let page = first.client.get(&format!("{PATH}?limit=1")).await.expect(200).json;
        let token = page["next_page"].as_str().unwrap();
        assert_eq!(items(&format!("?limit=1&page_token={token}")).await, [granted]);
        let last = test.bench.audit(PLATFORM).await.pop().unwrap();
        assert_eq!(last, ("tenant_access.list".to_owned(), "success".to_owned()));
        owner.client.get(PATH).await.expect(403);
    }
}
