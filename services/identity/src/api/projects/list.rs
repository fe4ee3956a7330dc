use actix_web::get;
use actix_web::web::Data;
use auth::Action;
use auth::action::project;
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::ProjectView;
use crate::state::Identity;
use crate::store::{self, projects::Filter};

/// How to list projects.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListProjects {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "sh")]
    q: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists projects.
#[utoipa::path(
    operation_id = "list_projects",
    tag = "projects",
    description = "The projects the caller may read, a page at a time.",
    params(ListProjects),
    responses((status = 200, description = "A page of projects", body = Page<ProjectView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects")]
pub async fn list_projects(
    ask: Read<project::List, ListProjects>,
    identity: Data<Identity>,
) -> Result<Page<ProjectView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("projects", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let visible = tx.projects_for(project::Read::INFO);

    let filter = Filter {
        prefix: query.q.as_deref(),
        visible: visible.as_deref(),
    };
    let rows = store::projects::list(&mut tx, &tenant, &filter, query.sort, &window).await?;
    let by_name = matches!(query.sort, Sort::Name | Sort::NameDescending);
    let key = |row: &scope::Project| vec![if by_name { row.name.clone() } else { row.id.to_string() }];
    Ok(window.page(rows, key, |row| ProjectView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::ProjectId;

    use crate::testing::start;

    fn names(reply: &testkit::Reply) -> Vec<String> {
        let items = reply.json["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn every_page_follows_the_one_before() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for name in ["a1", "a2", "b1"] {
            test.bench.project(&tenant, ProjectId::mint(), name).await;
        }
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        for sort in ["created_at", "-created_at", "name", "-name"] {
            let (mut seen, mut path) = (Vec::new(), format!("/api/v1/projects?limit=1&sort={sort}"));
            loop {
                let page = viewer.get(&path).await.expect(200);
                seen.extend(names(&page));
                let Some(token) = page.json["next_page"].as_str() else {
                    break;
                };
                path = format!("/api/v1/projects?limit=1&sort={sort}&page_token={token}");
            }
            let mut expected = vec!["default", "a1", "a2", "b1"];
            if sort.ends_with("name") {
                expected = vec!["a1", "a2", "b1", "default"];
            }
            if sort.starts_with('-') {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{sort}");
        }
        assert_eq!(
            names(&viewer.get("/api/v1/projects?q=a").await.expect(200)),
            ["a1", "a2"]
        );
    }

    #[tokio::test]
    async fn t02_a_token_is_of_no_use_to_another_tenant_or_with_other_filters() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.bench.project(&mine, ProjectId::mint(), "more").await;
        let me = test.client.caller(&mine.caller(Role::Viewer));
        let page = me.get("/api/v1/projects?limit=1").await.expect(200);
        let token = page.json["next_page"].as_str().unwrap().to_owned();
        let them = test.client.caller(&theirs.caller(Role::Viewer));
        them.get(&format!("/api/v1/projects?limit=1&page_token={token}"))
            .await
            .expect(400);
        me.get(&format!("/api/v1/projects?limit=1&q=a&page_token={token}"))
            .await
            .expect(400);
    }

    #[tokio::test]
    async fn a_role_on_one_project_lists_that_one() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let mine = ProjectId::mint();
        test.bench.project(&tenant, mine, "mine").await;
        let bound = vec![Binding::role(Role::Viewer, Some(mine))];
        let caller = test.client.caller(&tenant.caller_with(bound));
        assert_eq!(names(&caller.get("/api/v1/projects").await.expect(200)), ["mine"]);
    }

    #[tokio::test]
    async fn what_is_unknown_in_the_query_is_refused() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        for bad in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "nope=1",
            "sort=evil",
            "limit=1&limit=2",
            "q=%ff",
            "q=%",
        ] {
            let refused = viewer.get(&format!("/api/v1/projects?{bad}")).await;
            assert_eq!(refused.status, 400, "{bad}: {}", refused.text);
        }
    }
}
