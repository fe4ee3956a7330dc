use std::collections::BTreeMap;

use actix_web::post;
use actix_web::web::Data;
use auth::action::dead_letter;
use db::{Created, Outcome, Reason, Status, Subject};
use fault::Kind;
use ids::{LetterId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use crate::letter::{Filter, name};
use crate::state::Notify;
use crate::store;

/// Letters asked for by one call.
const MOST: usize = 1_000;

/// Which letters to apply again. At least one of these is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDeadLetters {
    /// Those of this consumer.
    #[schema(example = "audit")]
    pub consumer: Option<String>,
    /// Those of this kind.
    #[schema(example = "vm.created")]
    pub kind: Option<String>,
    /// Those of this tenant.
    pub tenant_id: Option<TenantId>,
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplayedView {
    /// How many letters.
    #[schema(example = 12)]
    pub asked: u64,
    /// There are more: ask again.
    #[schema(example = false)]
    pub more: bool,
    /// By which filter.
    pub filter: ReplayDeadLetters,
}

impl Subject for ReplayedView {
    fn object(&self) -> String {
        "dead_letters".to_owned()
    }
}

/// Has dead letters applied again.
#[utoipa::path(
    operation_id = "replay_dead_letters",
    tag = "dead-letters",
    description = "Asks for all letters to be applied once more that fit the filter and that nobody has asked for, the newest 1,000 \
                   per call: after a fault was mended. Each is applied exactly once; those that fail again wait as before. The \
                   asking is in the platform's log and in that of each tenant whose letters they are. Needs \
                   `dead_letter.operate`.",
    params(DryRun, Once),
    request_body(content = ReplayDeadLetters, description = "Which letters"),
    responses((status = 200, description = "They will be applied", body = ReplayedView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/dead-letters:replay")]
pub async fn replay_dead_letters(
    ask: Change<dead_letter::Operate, ReplayDeadLetters>,
    notify: Data<Notify>,
) -> Outcome<ReplayedView> {
    let filter = check(&ask.body)?;

    let mut tx = ask.begin(&notify.db).await?;
    let platform = tx.platform()?;
    let mut across = notify.db.system(Reason::Operator).await?;
    let limit = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let mut found = store::letters::waiting(&mut across, &platform, &filter, limit).await?;
    drop(across);
    let more = found.len() > MOST;
    found.truncate(MOST);

    let mut of = BTreeMap::<TenantId, Vec<LetterId>>::new();
    for letter in found {
        of.entry(letter.tenant).or_default().push(letter.id);
    }
    let mut asked = 0;
    for (tenant, letters) in of {
        asked += store::letters::set_asked(&mut tx, &platform, tenant, &letters).await?;
        tx.tell(&platform, tenant);
    }

    let filter = ask.body.clone();
    tx.finish(Status::Ok, Created(ReplayedView { asked, more, filter }))
        .await
}

fn check(body: &ReplayDeadLetters) -> Result<Filter, fault::Error> {
    let filter = Filter {
        consumer: name("/consumer", body.consumer.as_deref())?,
        kind: name("/kind", body.kind.as_deref())?,
        tenant: body.tenant_id,
        waiting: true,
    };
    if filter.consumer.is_none() && filter.kind.is_none() && filter.tenant.is_none() {
        let detail = "Name a consumer, a kind or a tenant: all letters at once are more than anybody means.";
        return Err(fault::Error::new(Kind::Invalid, detail));
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use auth::{PLATFORM, Role};
    use serde_json::json;
    use testkit::eventually;

    use crate::testing::{LETTERS, start};

    #[tokio::test]
    async fn t35_after_the_fault_is_mended_all_that_fit_are_applied_once() {
        let test = start().await;
        let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
        for tenant in [&acme, &byte] {
            for _ in 0..3 {
                test.letter(tenant, "audit", "vm.created").await;
            }
        }
        let other = test.letter(&byte, "meter", "vm.created").await;
        let path = format!("{LETTERS}:replay");
        let operator = test.operator();
        let body = json!({"consumer": "audit", "kind": "vm.created"});
        let dry = operator
            .post(&format!("{path}?dry_run=true"), body.clone())
            .await
            .expect(200);
        assert_eq!(dry.json["asked"], 6);
        let asked = operator.post(&path, body.clone()).await.expect(200).json;
        assert_eq!((&asked["asked"], &asked["more"]), (&json!(6), &json!(false)));
        assert_eq!(operator.post(&path, body).await.expect(200).json["asked"], 0);

        let applied = test.audit_consumes();
        eventually("theirs are gone", async || {
            (test.letters().await == [other.clone()]).then_some(())
        })
        .await;
        assert_eq!(applied.count(), 6);
        let said = ("dead_letter.operate".to_owned(), "success".to_owned());
        for (tenant, times) in [(acme.id, 1), (byte.id, 1), (PLATFORM, 2)] {
            let log = test.bench.audit(tenant).await;
            assert_eq!(log.iter().filter(|entry| **entry == said).count(), times, "{log:?}");
        }
    }

    #[tokio::test]
    async fn t18_nobody_means_all_of_them_and_operators_alone_ask() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let path = format!("{LETTERS}:replay");
        let operator = test.operator();
        operator.post(&path, json!({})).await.expect(400);
        operator.post(&path, json!({"kind": ""})).await.expect(400);
        operator
            .post(&path, json!({"kind": "vm.created", "all": true}))
            .await
            .expect(400);
        let owner = test.client.caller(&acme.caller(Role::Owner));
        owner.post(&path, json!({"tenant_id": acme.id})).await.expect(403);
    }
}
