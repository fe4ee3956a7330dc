use actix_web::get;
use actix_web::web::Data;
use auth::action::dead_letter;
use db::Reason;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::DeadLetterView;
use crate::letter::{Filter, Letter, name};
use crate::state::Notify;
use crate::store;

/// Which letters to list.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeadLetters {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Only of this consumer.
    #[param(example = "audit")]
    consumer: Option<String>,
    /// Only of this kind.
    #[param(example = "vm.created")]
    kind: Option<String>,
    /// Only of this tenant.
    #[param(inline)]
    tenant: Option<TenantId>,
}

/// Lists dead letters.
#[utoipa::path(
    operation_id = "list_dead_letters",
    tag = "dead-letters",
    description = "Events of any tenant that a consumer could not apply, newest first: what happened to what, and why it failed. \
                   What is in the events is not shown. The reading is in the platform's log. Needs `dead_letter.list`, which \
                   platform operators have.",
    params(ListDeadLetters),
    responses((status = 200, description = "A page of letters", body = Page<DeadLetterView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/system/dead-letters")]
pub async fn list_dead_letters(
    ask: Read<dead_letter::List, ListDeadLetters>,
    notify: Data<Notify>,
) -> Result<Page<DeadLetterView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("dead-letters", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let filter = Filter {
        consumer: name("?consumer", query.consumer.as_deref())?,
        kind: name("?kind", query.kind.as_deref())?,
        tenant: query.tenant,
        waiting: false,
    };
    let platform = ask.begin(&notify.db).await?.platform()?;
    let about = serde_json::json!({ "filter": query });
    notify
        .db
        .record::<dead_letter::List>(ask.caller(), "dead_letters".to_owned(), about)
        .await?;

    let mut tx = notify.db.system(Reason::Operator).await?;
    let rows = store::letters::list(&mut tx, &platform, &filter, &window).await?;
    let key = |row: &Letter| vec![row.id.to_string()];
    Ok(window.page(rows, key, DeadLetterView::from))
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use serde_json::json;

    use crate::testing::{LETTERS, start};

    #[tokio::test]
    async fn t35_operators_see_what_failed_and_why_and_not_what_is_in_it() {
        let test = start().await;
        let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
        let first = test.letter(&acme, "audit", "vm.created").await;
        let second = test.letter(&byte, "audit", "vm.deleted").await;
        let third = test.letter(&byte, "meter", "vm.created").await;
        let operator = test.operator();
        let ids = async |query: &str| {
            let page = operator.get(&format!("{LETTERS}{query}")).await.expect(200);
            assert!(!page.text.contains("secret"), "{}", page.text);
            let items = page.json["items"].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("").await, [third.clone(), second.clone(), first.clone()]);
        assert_eq!(ids("?consumer=audit").await, [second.clone(), first.clone()]);
        assert_eq!(ids("?kind=vm.created").await, [third.clone(), first.clone()]);
        assert_eq!(
            ids(&format!("?tenant={}&consumer=meter", byte.id)).await,
            std::slice::from_ref(&third)
        );
        assert!(ids("?consumer=nobody").await.is_empty());
        operator.get(&format!("{LETTERS}?colour=red")).await.expect(400);
        operator.get(&format!("{LETTERS}?kind=")).await.expect(400);

        let (mut seen, mut path) = (Vec::new(), format!("{LETTERS}?limit=1"));
        loop {
            let page = operator.get(&path).await.expect(200).json;
            seen.push(page["items"][0]["id"].as_str().unwrap().to_owned());
            let Some(token) = page["next_page"].as_str() else { break };
            path = format!("{LETTERS}?limit=1&page_token={token}");
        }
        assert_eq!(seen, [third, second, first]);
        let last = test.bench.audit(PLATFORM).await.pop().unwrap();
        assert_eq!(last, ("dead_letter.list".to_owned(), "success".to_owned()));
        let page = operator.get(LETTERS).await.expect(200).json;
        assert_eq!(
            (&page["items"][0]["state"], &page["items"][0]["attempts"]),
            (&json!("waiting"), &json!(5))
        );
    }

    #[tokio::test]
    async fn t18_no_tenant_sees_even_its_own() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        test.letter(&acme, "audit", "vm.created").await;
        for role in [Role::Owner, Role::Admin, Role::Auditor] {
            test.client.caller(&acme.caller(role)).get(LETTERS).await.expect(403);
        }
        test.client.get(LETTERS).await.expect(401);
    }
}
