use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::group_member;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::MemberView;
use crate::api::groups::InGroup;
use crate::state::Identity;
use crate::store;

/// How to list a group's members.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMembers {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

/// Lists a group's members.
#[utoipa::path(
    operation_id = "list_group_members",
    tag = "groups",
    description = "Who is in a group, a page at a time, those who came to the tenant first at the top. Needs \
                   `group_member.list`.",
    params(("group" = String, Path, description = "Id or name", example = "developers"), ListMembers),
    responses((status = 200, description = "A page of members", body = Page<MemberView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/groups/{group}/members")]
pub async fn list_group_members(
    ask: Read<group_member::List, ListMembers>,
    path: Path<InGroup>,
    identity: Data<Identity>,
) -> Result<Page<MemberView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("group_members", &path.group),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let group = store::groups::lookup(&mut tx, &path.group).await?;

    let rows = store::groups::members(&mut tx, &group, &window).await?;
    Ok(window.page(rows, |row| vec![row.user.to_string()], |row| MemberView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn every_page_follows_the_one_before() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        for group in ["developers", "empty"] {
            owner
                .client
                .post("/api/v1/groups", json!({"name": group}))
                .await
                .expect(201);
        }
        let path = "/api/v1/groups/developers/members";
        for name in ["ada", "grace", "radia"] {
            let person = test.person(&tenant, name, Role::Viewer).await;
            let member = owner
                .client
                .request(reqwest::Method::PUT, &format!("{path}/{}", person.id));
            owner.client.send(member).await.expect(200);
        }
        let (mut seen, mut next) = (Vec::new(), format!("{path}?limit=1"));
        loop {
            let page = owner.client.get(&next).await.expect(200);
            seen.push(page.json["items"][0]["display_name"].as_str().unwrap().to_owned());
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            let elsewhere = format!("/api/v1/groups/empty/members?limit=1&page_token={token}");
            owner.client.get(&elsewhere).await.expect(400);
            next = format!("{path}?limit=1&page_token={token}");
        }
        assert_eq!(seen, ["ada", "grace", "radia"]);
        assert_eq!(
            owner.client.get("/api/v1/groups/empty/members").await.json["items"],
            json!([])
        );
        owner.client.get("/api/v1/groups/none/members").await.expect(404);
        let them = test.client.caller(&other.caller(Role::Owner));
        them.get(path).await.expect(404);
        test.client
            .caller(&tenant.caller(Role::Operator))
            .get(path)
            .await
            .expect(403);
    }
}
