use actix_web::patch;
use actix_web::web::Data;
use auth::action::policy;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::PasswordPolicyView;
use crate::password::{Profile, Rules};
use crate::policy::{Policy, within};
use crate::state::Identity;
use crate::store;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyPasswordPolicy {
    /// By which standard.
    pub profile: Option<Profile>,
    /// Under `mlps3`: days after which a password must be changed.
    #[schema(example = 90, minimum = 7, maximum = 365)]
    pub days: Option<i64>,
    /// Under `mlps3`: how many of the last ones, the present one among them, cannot be chosen again.
    #[schema(example = 5, minimum = 1, maximum = 10)]
    pub history: Option<i64>,
}

impl ModifyPasswordPolicy {
    /// The rules as they will be, or every complaint at once.
    fn check(&self, now: Rules) -> Result<Rules, fault::Error> {
        let number = |pointer, value: Option<i64>, range| value.map(|value| within(pointer, value, range)).transpose();
        let small = |value: Option<i64>, now| value.and_then(|value| u16::try_from(value).ok()).unwrap_or(now);
        match (
            number("/days", self.days, (7, 365)),
            number("/history", self.history, (1, 10)),
        ) {
            (Ok(days), Ok(history)) => Ok(Rules {
                profile: self.profile.unwrap_or(now.profile),
                days: small(days, now.days),
                history: small(history, now.history),
            }),
            (days, history) => {
                let wrong = [days.err(), history.err()];
                Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
            }
        }
    }
}

/// Changes what the tenant asks of passwords.
#[utoipa::path(
    operation_id = "modify_password_policy",
    tag = "policies",
    description = "What passwords look like counts from each person's next change; when they must be changed, from their next \
                   sign-in. Send the `ETag` last read as `If-Match`. Needs `policy.modify` and a factor shown of late.",
    params(DryRun, IfMatch),
    request_body(content = ModifyPasswordPolicy, description = "What to change"),
    responses((status = 200, description = "The policy as it is now", body = PasswordPolicyView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/policies/password")]
pub async fn modify_password_policy(
    ask: Change<policy::Modify, ModifyPasswordPolicy>,
    identity: Data<Identity>,
) -> Outcome<PasswordPolicyView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = store::policies::hold(&mut tx).await?;
    let before = PasswordPolicyView::from(&*held);
    tx.must_match(&before)?;

    let new = Policy {
        password: ask.body.check(held.password)?,
        ..(*held).clone()
    };
    let policy = store::policies::set(&mut tx, &held, &new).await?;

    tx.finish(Status::Ok, Changed(before, PasswordPolicyView::from(&policy)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{restless, start};

    const PATH: &str = "/api/v1/policies/password";

    #[tokio::test]
    async fn what_is_set_is_read_and_stands_in_the_log() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let dry = format!("{PATH}?dry_run=true");
        let body = json!({"profile": "mlps3", "days": 60});
        let would = admin.patch(&dry, "*", body.clone()).await.expect(200);
        assert_eq!(would.json["profile"], "mlps3");
        assert_eq!(admin.get(PATH).await.json["profile"], "nist");
        let etag = admin.get(PATH).await.header("etag").to_owned();
        let set = admin.patch(PATH, &etag, body).await.expect(200);
        assert_eq!(
            (&set.json["min_length"], &set.json["min_kinds"]),
            (&json!(10), &json!(3))
        );
        assert_eq!(admin.get(PATH).await.json, set.json);
        admin.patch(PATH, &etag, json!({"days": 90})).await.expect(412);
        let log = test
            .dump("bus.outbox")
            .await
            .replace('\\', "")
            .replace("\"\"", "\"")
            .replace(' ', "");
        assert!(
            log.contains(r#""before":"nist""#) && log.contains(r#""after":"mlps3""#),
            "{log}"
        );
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_named_and_who_may_not_is_refused() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for (body, pointer) in [
            (json!({"days": 6}), "/days"),
            (json!({"days": 366}), "/days"),
            (json!({"history": 0}), "/history"),
            (json!({"history": 11}), "/history"),
            (json!({"profile": "none"}), "/profile"),
            (json!({"length": 3}), "/length"),
        ] {
            let refused = owner.patch(PATH, "*", body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        let unguarded = owner.request(reqwest::Method::PATCH, PATH).json(&json!({"days": 30}));
        owner.send(unguarded).await.expect(428);
        for role in [Role::Auditor, Role::Viewer, Role::Operator] {
            let client = test.client.caller(&tenant.caller(role));
            client.patch(PATH, "*", json!({})).await.expect(403);
        }
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        let refused = stale.patch(PATH, "*", json!({})).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }
}
