use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::dead_letter;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{DeadLetterView, LetterState, OfLetter, find, gone};
use crate::letter::reason;
use crate::state::Notify;
use crate::store;

/// Why a letter is given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DropDeadLetter {
    /// Why. The tenant reads it, and it stands in its log.
    #[schema(
        example = "The machine was removed by hand; nothing is left to do",
        min_length = 3,
        max_length = 500
    )]
    pub reason: String,
}

/// Gives a dead letter up.
#[utoipa::path(
    operation_id = "drop_dead_letter",
    tag = "dead-letters",
    description = "Removes the letter: its event will never be applied by that consumer. Who did it and why is in the platform's log \
                   and in the tenant's. Needs `dead_letter.delete` and a factor shown of late.",
    params(
        ("letter" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    request_body(content = DropDeadLetter, description = "Why"),
    responses((status = 200, description = "The letter as it was, and why it is gone", body = DeadLetterView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/dead-letters/{letter}:drop")]
pub async fn drop_dead_letter(
    ask: Change<dead_letter::Delete, DropDeadLetter>,
    path: Path<OfLetter>,
    notify: Data<Notify>,
) -> Outcome<DeadLetterView> {
    let reason = reason(&ask.body.reason)?;

    let mut tx = ask.begin(&notify.db).await?;
    let platform = tx.platform()?;
    let tenant = find(&notify, path.letter).await?.tenant;
    let held = store::letters::hold(&mut tx, &platform, (tenant, path.letter)).await?;
    let held = held.ok_or_else(gone)?;

    store::letters::remove(&mut tx, &platform, &held).await?;
    tx.tell(&platform, tenant);

    let before = DeadLetterView::from(held);
    let after = DeadLetterView {
        state: LetterState::Dropped,
        reason: Some(reason),
        ..before.clone()
    };
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use serde_json::json;

    use crate::testing::{LETTERS, start};

    #[tokio::test]
    async fn it_is_gone_and_both_logs_say_who_and_why() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let kept = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}:drop");
        let operator = test.operator();
        let body = json!({"reason": "seen by hand"});
        operator.post(&path, json!({})).await.expect(400);
        operator.post(&path, json!({"reason": "no"})).await.expect(400);
        operator
            .post(&format!("{path}?dry_run=true"), body.clone())
            .await
            .expect(200);
        assert_eq!(test.letters().await.len(), 2);
        let dropped = operator.post_once(&path, "k", body.clone()).await.expect(200).json;
        assert_eq!(
            (&dropped["state"], &dropped["reason"]),
            (&json!("dropped"), &json!("seen by hand"))
        );
        assert_eq!(test.letters().await, [kept]);
        operator.post_once(&path, "k", body.clone()).await.expect(200);
        operator.post(&path, body).await.expect(404);
        for tenant in [acme.id, PLATFORM] {
            let entries = test.entries(tenant).await;
            let mut done = entries.iter().filter(|entry| entry["outcome"] == "success");
            let told = done.find(|entry| entry["action"] == "dead_letter.delete").unwrap();
            assert_eq!(told["changes"]["reason"]["after"], "seen by hand");
            assert_eq!(told["object"], format!("dead_letter:{id}"));
        }
    }

    #[tokio::test]
    async fn t14_it_asks_for_a_factor_shown_of_late_and_for_an_operator() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}:drop");
        let body = json!({"reason": "seen by hand"});
        let owner = test.client.caller(&acme.caller(Role::Owner));
        owner.post(&path, body.clone()).await.expect(403);
        let stale = test.stale_operator().post(&path, body).await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
        assert_eq!(test.letters().await.len(), 1);
    }
}
