use actix_web::get;
use actix_web::web::Data;
use auth::Role;
use auth::action::role;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::RoleView;
use crate::state::Identity;
use crate::store;

/// How to list roles.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRoles {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "op")]
    q: Option<String>,
}

/// Lists roles.
#[utoipa::path(
    operation_id = "list_roles",
    tag = "roles",
    description = "The built-in roles and those the tenant has made itself, by name, a page at a time. Needs `role.list`.",
    params(ListRoles),
    responses((status = 200, description = "A page of roles", body = Page<RoleView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/roles")]
pub async fn list_roles(
    ask: Read<role::List, ListRoles>,
    identity: Data<Identity>,
) -> Result<Page<RoleView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("roles", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let after = window.after::<String>(0)?;
    let (after, prefix) = (after.as_deref(), query.q.as_deref());

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let custom = store::roles::list(&mut tx, &tenant, prefix, after, window.fetch()).await?;

    let wanted = |role: &Role| {
        let name = role.name();
        after.is_none_or(|after| name > after) && prefix.is_none_or(|prefix| name.starts_with(prefix))
    };
    let built_in = Role::bindable(tenant.id).filter(wanted).map(RoleView::from);
    let mut roles: Vec<RoleView> = custom.iter().map(RoleView::from).chain(built_in).collect();
    // Both halves go by bytes, and together hold at least as many as the page.
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(window.page(roles, |role| vec![role.name.clone()], |role| role))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    fn names(reply: &testkit::Reply) -> Vec<String> {
        let items = reply.json["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn built_in_and_own_roles_come_by_name_page_after_page() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for name in ["zoo-keeper", "backup", "on-call"] {
            let body = json!({"name": name, "permissions": ["vm.read"]});
            owner.post("/api/v1/roles", body).await.expect(201);
        }
        let whole = names(&owner.get("/api/v1/roles").await.expect(200));
        for name in [
            "owner",
            "admin",
            "operator",
            "viewer",
            "auditor",
            "zoo-keeper",
            "backup",
            "on-call",
        ] {
            assert!(whole.contains(&name.to_owned()), "{name} in {whole:?}");
        }
        assert!(
            whole.is_sorted() && !whole.contains(&"platform_operator".to_owned()),
            "{whole:?}"
        );
        let (mut seen, mut path) = (Vec::new(), "/api/v1/roles?limit=2".to_owned());
        loop {
            let page = owner.get(&path).await.expect(200);
            seen.extend(names(&page));
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            path = format!("/api/v1/roles?limit=2&page_token={token}");
        }
        assert_eq!(seen, whole);
        assert_eq!(
            names(&owner.get("/api/v1/roles?q=o").await.expect(200)),
            ["on-call", "operator", "owner"]
        );
        owner.get("/api/v1/roles?sort=name").await.expect(400);
    }

    #[tokio::test]
    async fn a_built_in_role_says_what_it_carries() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let listed = viewer.get("/api/v1/roles?q=operator").await.expect(200).json;
        let operator = &listed["items"][0];
        assert_eq!(
            (&operator["built_in"], &operator["generation"]),
            (&json!(true), &json!(0))
        );
        let permissions = operator["permissions"].as_array().unwrap();
        assert!(permissions.contains(&json!("vm.create")) && !permissions.contains(&json!("role.create")));
    }

    #[tokio::test]
    async fn t01_nobody_sees_anothers_roles() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        let body = json!({"name": "secret-role", "permissions": ["vm.read"]});
        them.post("/api/v1/roles", body).await.expect(201);
        let me = test.client.caller(&mine.caller(Role::Owner));
        assert!(!me.get("/api/v1/roles").await.expect(200).text.contains("secret-role"));
        let token = them.get("/api/v1/roles?limit=1").await.expect(200).json["next_page"].clone();
        let path = format!("/api/v1/roles?limit=1&page_token={}", token.as_str().unwrap());
        me.get(&path).await.expect(400);
    }
}
