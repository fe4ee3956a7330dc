use actix_web::get;
use actix_web::web::Data;
use auth::Action;
use auth::action::role_binding;
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::RoleBindingView;
use crate::binding::RoleBinding;
use crate::state::Identity;
use crate::store::{self, role_bindings::Filter};

/// How to list role bindings.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRoleBindings {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Of the user, group or service account of this id.
    #[param(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    subject: Option<String>,
    /// To the role of this name or id.
    #[param(example = "operator")]
    role: Option<String>,
    /// On the project of this name or id.
    #[param(example = "default")]
    project: Option<String>,
}

/// Lists role bindings.
#[utoipa::path(
    operation_id = "list_role_bindings",
    tag = "role-bindings",
    description = "Who carries which role, oldest binding first, a page at a time: those on the whole tenant and on the projects \
                   where the caller has `role_binding.list`.",
    params(ListRoleBindings),
    responses((status = 200, description = "A page of role bindings", body = Page<RoleBindingView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/role-bindings")]
pub async fn list_role_bindings(
    ask: Read<role_binding::List, ListRoleBindings>,
    identity: Data<Identity>,
) -> Result<Page<RoleBindingView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("role-bindings", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let visible = tx.projects_for(role_binding::List::INFO);

    let filter = Filter {
        subject: query.subject.as_deref(),
        role: query.role.as_deref(),
        project: query.project.as_deref(),
        visible: visible.as_deref(),
    };
    let rows = store::role_bindings::list(&mut tx, &filter, &window).await?;
    let key = |row: &RoleBinding| vec![row.id.to_string()];
    Ok(window.page(rows, key, |row| RoleBindingView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::UserId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_narrowed_by_subject_role_and_project() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let ada = test.newcomer(&tenant, UserId::mint(), "ada@acme.example").await;
        let bob = test.newcomer(&tenant, UserId::mint(), "bob@acme.example").await;
        let custom = json!({"name": "on-call", "permissions": ["vm.read"]});
        let custom = owner.post("/api/v1/roles", custom).await.expect(201).json;
        for (user, role, project) in [
            (ada, "viewer", None),
            (ada, "on-call", Some("default")),
            (bob, "viewer", Some("default")),
        ] {
            let body = json!({"subject": {"kind": "user", "id": user}, "role": role, "project": project});
            owner.post("/api/v1/role-bindings", body).await.expect(201);
        }
        let count = async |query: String| {
            let page = owner.get(&format!("/api/v1/role-bindings?{query}")).await.expect(200);
            page.json["items"].as_array().unwrap().len()
        };
        assert_eq!(count(String::new()).await, 3);
        assert_eq!(count(format!("subject={ada}")).await, 2);
        assert_eq!(count("role=viewer".to_owned()).await, 2);
        assert_eq!(count("role=on-call".to_owned()).await, 1);
        assert_eq!(count(format!("role={}", custom["id"].as_str().unwrap())).await, 1);
        assert_eq!(count("project=default".to_owned()).await, 2);
        assert_eq!(count(format!("project={}&subject={bob}", tenant.project)).await, 1);
        assert_eq!(count("role=nothing".to_owned()).await, 0);
        let first = owner.get("/api/v1/role-bindings?limit=2").await.expect(200).json;
        let token = first["next_page"].as_str().unwrap();
        let rest = owner
            .get(&format!("/api/v1/role-bindings?limit=2&page_token={token}"))
            .await
            .expect(200);
        assert_eq!(rest.json["items"].as_array().unwrap().len(), 1);
        owner.get("/api/v1/role-bindings?user=x").await.expect(400);
        // Who manages one project sees what is bound there.
        let local = tenant.caller_with(vec![Binding::role(Role::Admin, Some(tenant.project))]);
        let seen = test
            .client
            .caller(&local)
            .get("/api/v1/role-bindings")
            .await
            .expect(200)
            .json;
        assert_eq!(seen["items"].as_array().unwrap().len(), 2);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.get("/api/v1/role-bindings").await.expect(403);
        let other = test.bench.tenant("other").await;
        let them = test.client.caller(&other.caller(Role::Owner));
        let theirs = them.get("/api/v1/role-bindings").await.expect(200).json;
        assert_eq!(theirs["items"], json!([]), "t01");
    }
}
