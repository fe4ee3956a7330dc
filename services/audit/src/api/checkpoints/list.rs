use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::CheckpointView;
use crate::state::Audit;
use crate::store::{self, checkpoints::Signed};

/// Which checkpoints to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListCheckpoints {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
}

/// Lists the checkpoints of the audit log.
#[utoipa::path(
    operation_id = "list_audit_checkpoints",
    tag = "audit",
    description = "What has been signed for the tenant's audit log, newest first. There is one for every 1,000 entries, and at \
                   most ten seconds after an entry. Needs `audit.list`.",
    params(ListCheckpoints),
    responses((status = 200, description = "A page of checkpoints", body = Page<CheckpointView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/checkpoints")]
pub async fn list_audit_checkpoints(
    ask: Read<audit::List, ListCheckpoints>,
    audit: Data<Audit>,
) -> Result<Page<CheckpointView>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "checkpoints",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let below = window.after(0)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let signed = store::checkpoints::list(&mut tx, &tenant, below, window.fetch()).await?;
    let key = |signed: &Signed| vec![signed.size.to_string()];
    Ok(window.page(signed, key, CheckpointView::of))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::vm;

    use crate::testing::{column, start_paced};

    const LIST: &str = "/api/v1/audit/checkpoints";

    #[tokio::test]
    async fn each_is_signed_and_they_are_paged_newest_first() {
        let test = start_paced(2, 0).await;
        let tenant = test.bench.tenant("acme").await;
        for entries in 1..=5 {
            test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
            test.signed(&tenant, entries).await;
        }
        let owner = test.owner(&tenant);
        let first = owner.get(&format!("{LIST}?limit=2")).await.expect(200);
        assert_eq!(column(&first, "size"), [5, 4]);
        let token = first.json["next_page"].as_str().unwrap();
        let second = owner
            .get(&format!("{LIST}?limit=3&page_token={token}"))
            .await
            .expect(200);
        assert_eq!(column(&second, "size"), [3, 2, 1]);
        assert!(second.json["next_page"].is_null());
        for item in first.json["items"].as_array().unwrap() {
            let note = tlog::Note::parse(item["note"].as_str().unwrap(), tlog::note::Limits::default()).unwrap();
            note.verify(&test.log_key).unwrap();
            let checkpoint: tlog::Checkpoint = note.text.parse().unwrap();
            assert_eq!(checkpoint.size, item["size"].as_u64().unwrap());
            assert_eq!(checkpoint.root.to_string(), item["root"].as_str().unwrap());
            assert!(checkpoint.origin.ends_with(&tenant.id.to_string()));
        }
    }

    #[tokio::test]
    async fn t01_each_tenant_sees_its_own_alone() {
        let test = start_paced(1, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.signed(&theirs, 1).await;
        let seen = test.owner(&mine).get(LIST).await.expect(200);
        assert_eq!(seen.json["items"], serde_json::json!([]));
        test.client
            .caller(&mine.caller(Role::Admin))
            .get(LIST)
            .await
            .expect(403);
        test.owner(&mine).get(&format!("{LIST}?limit=0")).await.expect(400);
    }
}
