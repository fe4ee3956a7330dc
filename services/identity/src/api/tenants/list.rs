use actix_web::get;
use actix_web::web::Data;
use auth::action::tenant_record;
use db::Reason;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::TenantRecordView;
use crate::state::Identity;
use crate::store::{self, tenants::TenantRecord};

/// How to list tenants.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTenants {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "ac")]
    q: Option<String>,
    /// Only those in which an owner can sign in, or only the others.
    #[param(example = false)]
    has_owner: Option<bool>,
}

/// Lists tenants.
#[utoipa::path(
    operation_id = "list_tenants",
    tag = "tenants",
    description = "Every tenant of the platform, the oldest first, a page at a time: names and numbers, nothing of what is in \
                   them. The reading is in the platform's log. Needs `tenant_record.list`, which platform operators have.",
    params(ListTenants),
    responses((status = 200, description = "A page of tenants", body = Page<TenantRecordView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/tenants")]
pub async fn list_tenants(
    ask: Read<tenant_record::List, ListTenants>,
    identity: Data<Identity>,
) -> Result<Page<TenantRecordView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("tenants", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let platform = ask.begin(&identity.db).await?.platform()?;
    let about = serde_json::json!({ "filter": query });
    identity
        .db
        .record::<tenant_record::List>(ask.caller(), "tenants".to_owned(), about)
        .await?;

    let mut tx = identity.db.system(Reason::Operator).await?;
    let rows = store::tenants::list(&mut tx, &platform, query.q.as_deref(), query.has_owner, &window).await?;
    let key = |row: &TenantRecord| vec![row.tenant_id.to_string()];
    Ok(window.page(rows, key, TenantRecordView::from))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/system/tenants";

    #[tokio::test]
    async fn an_operator_sees_names_and_numbers_page_by_page() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.person(&acme, "ada", Role::Owner).await;
        test.person(&acme, "bob", Role::Viewer).await;
        test.account(&acme, "robot").await;
        test.bench.tenant("byte").await;
        let operator = test.client.caller(&acme.caller(Role::PlatformOperator));
        let found = operator.get(&format!("{PATH}?q=ac")).await.expect(200).json;
        let one = &found["items"][0];
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!((&one["id"], &one["name"]), (&json!(acme.id), &json!("acme")));
        assert_eq!(
            [
                &one["users"],
                &one["service_accounts"],
                &one["projects"],
                &one["has_owner"]
            ],
            [&json!(2), &json!(1), &json!(1), &json!(true)]
        );
        let all = operator.get(PATH).await.expect(200).text;
        for inner in ["@", "ada", "robot"] {
            assert!(!all.contains(inner), "{all}");
        }

        let (mut names, mut path) = (Vec::new(), format!("{PATH}?limit=1"));
        loop {
            let page = operator.get(&path).await.expect(200).json;
            names.push(page["items"][0]["name"].clone());
            let Some(token) = page["next_page"].as_str() else { break };
            path = format!("{PATH}?limit=1&page_token={token}");
        }
        assert_eq!(names, [json!("platform"), json!("acme"), json!("byte")]);
        let without = operator
            .get(&format!("{PATH}?has_owner=false&q=b"))
            .await
            .expect(200)
            .json;
        assert_eq!(without["items"][0]["name"], "byte");
        operator.get(&format!("{PATH}?colour=red")).await.expect(400);
        let log = test.bench.audit(acme.id).await;
        let read = ("tenant_record.list".to_owned(), "success".to_owned());
        assert_eq!(
            log.iter().filter(|entry| **entry == read).count(),
            6,
            "each reading: {log:?}"
        );
    }

    #[tokio::test]
    async fn t18_no_tenant_sees_another() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.bench.tenant("byte").await;
        for role in [Role::Owner, Role::Admin, Role::Auditor] {
            test.client.caller(&acme.caller(role)).get(PATH).await.expect(403);
        }
        test.client.get(PATH).await.expect(401);
    }
}
