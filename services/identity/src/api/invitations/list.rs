use actix_web::get;
use actix_web::web::Data;
use auth::action::invitation;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::InvitationView;
use crate::state::Identity;
use crate::store;

/// How to list invitations.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListInvitations {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

/// Lists invitations.
#[utoipa::path(
    operation_id = "list_invitations",
    tag = "invitations",
    description = "The tenant's invitations, newest first, without their tokens. What nobody accepted is forgotten a month \
                   after its end. Needs `invitation.list`.",
    params(ListInvitations),
    responses((status = 200, description = "A page of invitations", body = Page<InvitationView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/invitations")]
pub async fn list_invitations(
    ask: Read<invitation::List, ListInvitations>,
    identity: Data<Identity>,
) -> Result<Page<InvitationView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: "invitations",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::invitations::list(&mut tx, &tenant, &window).await?;
    let now = tx.now();
    Ok(window.page(
        rows,
        |row| vec![row.id.to_string()],
        |row| InvitationView::at(&row, now),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::{settings, start_on};

    #[tokio::test]
    async fn newest_first_with_what_became_of_each_and_nothing_of_other_tenants() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let them = test.person(&other, "them", Role::Owner).await;
        test.invite(&them, "zoe@example.com", "viewer").await;
        let (_, taken_back) = test.invite(&admin, "a@example.com", "viewer").await;
        let (token, _) = test.invite(&admin, "b@example.com", "viewer").await;
        test.invite(&admin, "c@example.com", "viewer").await;
        test.accept(&token).await.expect(201);
        admin.client.delete(&taken_back).await.expect(204);
        clock.advance(Duration::from_hours(8 * 24));
        test.invite(&admin, "d@example.com", "viewer").await;

        let (mut seen, mut path) = (Vec::new(), "/api/v1/invitations?limit=1".to_owned());
        loop {
            let page = admin.client.get(&path).await.expect(200);
            let item = &page.json["items"][0];
            seen.push((item["email"].as_str().unwrap().to_owned(), item["status"].clone()));
            let Some(token) = page.json["next_page"].as_str() else {
                break;
            };
            path = format!("/api/v1/invitations?limit=1&page_token={token}");
        }
        let expected = [("d", "open"), ("c", "expired"), ("b", "accepted"), ("a", "revoked")];
        let expected = expected.map(|(who, status)| (format!("{who}@example.com"), json!(status)));
        assert_eq!(seen, expected);
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        viewer.client.get("/api/v1/invitations").await.expect(403);
    }
}
