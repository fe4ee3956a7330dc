use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::vm;
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::{InProject, VmView};
use crate::state::Compute;
use crate::store::{self, vms::Filter};
use crate::vm::{Labels, Status, Vm};

/// How to list machines.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListVms {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "web")]
    q: Option<String>,
    /// Only machines of this status. A host that falls silent is noticed here a few seconds later than in the machine itself.
    #[param(inline, example = "running")]
    status: Option<Status>,
    /// Only machines of this flavor, by id or name.
    #[param(example = "small")]
    flavor: Option<String>,
    /// Only machines with this label, as `key=value`.
    #[param(example = "env=test")]
    label: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists virtual machines.
#[utoipa::path(
    operation_id = "list_vms",
    tag = "vms",
    description = "The machines of a project, a page at a time. Needs `vm.list` in the project.",
    params(("project" = String, Path, description = "Id or name", example = "default"), ListVms),
    responses((status = 200, description = "A page of machines", body = Page<VmView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}/vms")]
pub async fn list_vms(
    ask: Read<vm::List, ListVms>,
    path: Path<InProject>,
    compute: Data<Compute>,
) -> Result<Page<VmView>, fault::Error> {
    let query = &ask.query;
    let label = query.label.as_deref().map(Labels::filter).transpose()?;

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let binding = ("vms", project.id, query);
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: binding,
    };
    let window = Window::parse(project.tenant, &listing)?;

    let filter = Filter {
        prefix: query.q.as_deref(),
        status: query.status.map(Status::name),
        flavor: query.flavor.as_deref(),
        label,
    };
    let rows = store::vms::list(&mut tx, &project, &filter, query.sort, &window).await?;
    let key = |vm: &Vm| vec![vm.id.to_string(), vm.name.clone()];
    Ok(window.page(rows, key, |vm| VmView::from(&vm)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::api::vms::testing::{VMS, small, stocked};

    fn names(reply: &testkit::Reply) -> Vec<String> {
        let items = reply.json["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test]
    async fn every_page_follows_the_one_before_in_every_order() {
        let world = stocked().await;
        for name in ["b1", "a2", "a1"] {
            world.owner.post(VMS, small(name)).await.expect(202);
        }
        for sort in ["created_at", "-created_at", "name", "-name"] {
            let (mut seen, mut path) = (Vec::new(), format!("{VMS}?limit=1&sort={sort}"));
            loop {
                let page = world.owner.get(&path).await.expect(200);
                seen.extend(names(&page));
                let Some(token) = page.json["next_page"].as_str() else {
                    break;
                };
                path = format!("{VMS}?limit=1&sort={sort}&page_token={token}");
            }
            let mut expected = if sort.ends_with("name") {
                ["a1", "a2", "b1"]
            } else {
                ["b1", "a2", "a1"]
            };
            if sort.starts_with('-') {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{sort}");
        }
    }

    #[tokio::test]
    async fn filters_narrow_it() {
        let world = stocked().await;
        world.owner.post(VMS, small("web-1")).await.expect(202);
        let mut labelled = small("db-1");
        labelled["labels"] = json!({"env": "test"});
        world.owner.post(VMS, labelled).await.expect(202);
        let cases = [
            ("q=web", vec!["web-1"]),
            ("label=env=test", vec!["db-1"]),
            ("label=env=prod", vec![]),
            ("status=queued&sort=name", vec!["db-1", "web-1"]),
            ("status=running", vec![]),
            ("flavor=small&q=d", vec!["db-1"]),
            ("flavor=large", vec![]),
        ];
        for (query, expected) in cases {
            assert_eq!(
                names(&world.owner.get(&format!("{VMS}?{query}")).await.expect(200)),
                expected,
                "{query}"
            );
        }
        for bad in ["status=evil", "label=x", "nope=1", "limit=0", "q=%ff"] {
            assert_eq!(world.owner.get(&format!("{VMS}?{bad}")).await.status, 400, "{bad}");
        }
    }

    #[tokio::test]
    async fn t01_another_tenant_lists_nothing_of_it() {
        let world = stocked().await;
        world.owner.post(VMS, small("web-1")).await.expect(202);
        let theirs = world.test.bench.tenant("theirs").await;
        let them = world.test.client.caller(&theirs.caller(Role::Owner));
        assert!(names(&them.get(VMS).await.expect(200)).is_empty());
        them.get(&format!("/api/v1/projects/{}/vms", world.tenant.project))
            .await
            .expect(404);
        assert!(
            them.get("/api/v1/operations").await.expect(200).json["items"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
}
