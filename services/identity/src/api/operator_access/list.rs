use actix_web::get;
use actix_web::web::Data;
use auth::action::operator_access;
use web::{Listing, Page, Read, Refusals, Window};

use super::{ListAccess, OperatorAccessView};
use crate::access::Access;
use crate::state::Identity;
use crate::store;

/// Lists operators' access.
#[utoipa::path(
    operation_id = "list_operator_access",
    tag = "operator-access",
    description = "What the platform's operators have asked of the tenant, newest first: who, why, as what, for how long, and \
                   what became of it. What they then did is in the audit log under `actor=operator:*`. Needs \
                   `operator_access.list`.",
    params(ListAccess),
    responses((status = 200, description = "A page of accesses", body = Page<OperatorAccessView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/operator-access")]
pub async fn list_operator_access(
    ask: Read<operator_access::List, ListAccess>,
    identity: Data<Identity>,
) -> Result<Page<OperatorAccessView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("operator-access", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let rows = store::operator_access::list(&mut tx, &tenant, query.state.map(Into::into), &window).await?;
    let key = |row: &Access| vec![row.id.to_string()];
    Ok(window.page(rows, key, |row| OperatorAccessView::of(&row)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::{settings, start_on};

    const PATH: &str = "/api/v1/operator-access";

    #[tokio::test]
    async fn newest_first_by_what_became_of_each_and_nothing_of_other_tenants() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let old = operator.asks(&acme).await;
        clock.advance(Duration::from_hours(24));
        let refused = operator.asks(&acme).await;
        owner
            .client
            .post(&format!("{PATH}/{refused}:refuse"), json!({}))
            .await
            .expect(200);
        let granted = operator.asks(&acme).await;
        owner
            .client
            .post(&format!("{PATH}/{granted}:approve"), json!({}))
            .await
            .expect(200);
        let waiting = operator.asks(&acme).await;
        operator.asks(&other).await;

        let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit=1"));
        loop {
            let page = owner.client.get(&path).await.expect(200).json;
            let item = &page["items"][0];
            seen.push((item["id"].as_str().unwrap().to_owned(), item["state"].clone()));
            let Some(token) = page["next_page"].as_str() else { break };
            path = format!("{PATH}?limit=1&page_token={token}");
        }
        let expected = [
            (&waiting, "requested"),
            (&granted, "granted"),
            (&refused, "refused"),
            (&old, "expired"),
        ];
        assert_eq!(seen, expected.map(|(id, state)| (id.clone(), json!(state))));
        for (id, state) in expected {
            let found = owner
                .client
                .get(&format!("{PATH}?state={state}"))
                .await
                .expect(200)
                .json;
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
            assert_eq!(found["items"][0]["id"], json!(id));
        }
        owner.client.get(&format!("{PATH}?state=nice")).await.expect(400);
        for (role, status) in [(Role::Auditor, 200), (Role::Operator, 403), (Role::Viewer, 403)] {
            test.client.caller(&acme.caller(role)).get(PATH).await.expect(status);
        }
    }
}
