use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::dead_letter;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{DeadLetterView, OfLetter, find, gone};
use crate::letter::Letter;
use crate::state::Notify;
use crate::store;

/// Has a dead letter applied again.
#[utoipa::path(
    operation_id = "replay_dead_letter",
    tag = "dead-letters",
    description = "Asks the letter's consumer to apply it once more, which it does within seconds and exactly once, however many \
                   ask. When it is done the letter is gone; one that fails again waits as before, with its new cause and one \
                   attempt more. It is applied out of its order: later events of the same object may have been applied before. \
                   The asking is in the platform's log and in the tenant's. Needs `dead_letter.operate`.",
    params(
        ("letter" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "It will be applied", body = DeadLetterView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/dead-letters/{letter}:replay")]
pub async fn replay_dead_letter(
    ask: Change<dead_letter::Operate>,
    path: Path<OfLetter>,
    notify: Data<Notify>,
) -> Outcome<DeadLetterView> {
    let mut tx = ask.begin(&notify.db).await?;
    let platform = tx.platform()?;
    let tenant = find(&notify, path.letter).await?.tenant;
    let held = store::letters::hold(&mut tx, &platform, (tenant, path.letter)).await?;
    let held = held.ok_or_else(gone)?;

    store::letters::set_asked(&mut tx, &platform, tenant, &[held.id]).await?;
    tx.tell(&platform, tenant);

    let asked = Letter {
        replay_at: held.replay_at.or_else(|| Some(tx.now())),
        ..held.clone()
    };
    tx.finish(Status::Ok, Changed(held.into(), DeadLetterView::from(asked)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use ids::LetterId;
    use serde_json::json;
    use testkit::eventually;

    use crate::testing::{LETTERS, start};

    #[tokio::test]
    async fn t33_fifty_operators_replay_at_once_and_the_effect_is_there_once() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}:replay");
        let operator = test.operator();
        let applied = test.audit_consumes();
        let replies = testkit::race(async || (), async |()| operator.post(&path, json!({})).await.status).await;
        let asked = replies.iter().filter(|status| **status == 200).count();
        // Whoever comes when it is done finds nothing any more.
        assert!(
            asked >= 1 && replies.iter().all(|status| *status == 200 || *status == 404),
            "{replies:?}"
        );
        eventually("the letter is gone", async || {
            test.letters().await.is_empty().then_some(())
        })
        .await;
        assert_eq!(applied.count(), 1);
    }

    #[tokio::test]
    async fn it_stands_in_both_logs_and_a_dry_run_asks_nobody() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}:replay");
        let operator = test.operator();
        let dry = operator
            .post(&format!("{path}?dry_run=true"), json!({}))
            .await
            .expect(200);
        assert_eq!(dry.json["state"], "replaying");
        assert_eq!(operator.get(&format!("{LETTERS}/{id}")).await.json["state"], "waiting");
        let first = operator.post_once(&path, "k", json!({})).await.expect(200).json;
        let again = operator.post_once(&path, "k", json!({})).await.expect(200).json;
        assert_eq!(first, again);
        let third = operator.post(&path, json!({})).await.expect(200).json;
        assert_eq!(
            first["replay_at"], third["replay_at"],
            "it waits since it was asked for first"
        );
        let said = ("dead_letter.operate".to_owned(), "success".to_owned());
        for tenant in [acme.id, PLATFORM] {
            let log = test.bench.audit(tenant).await;
            assert_eq!(log.iter().filter(|entry| **entry == said).count(), 2, "{log:?}");
        }
    }

    #[tokio::test]
    async fn t18_operators_alone_and_of_what_is_there() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let id = test.letter(&acme, "audit", "vm.created").await;
        let path = format!("{LETTERS}/{id}:replay");
        for role in [Role::Owner, Role::Admin] {
            let refused = test.client.caller(&acme.caller(role)).post(&path, json!({})).await;
            refused.expect(403);
        }
        let never = format!("{LETTERS}/{}:replay", LetterId::mint());
        test.operator().post(&never, json!({})).await.expect(404);
    }
}
