use actix_web::get;
use actix_web::web::Data;
use auth::action::policy;
use web::{Found, Read, Refusals};

use super::SignInPolicyView;
use crate::state::Identity;
use crate::store;

/// Reads what the tenant asks of whoever signs in.
#[utoipa::path(
    operation_id = "read_sign_in_policy",
    tag = "policies",
    description = "Who must have a second factor, how fresh it must be, and how long sessions live. Needs `policy.read`.",
    responses((status = 200, description = "The policy", body = SignInPolicyView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/policies/sign-in")]
pub async fn read_sign_in_policy(
    ask: Read<policy::Read>,
    identity: Data<Identity>,
) -> Result<Found<SignInPolicyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    tx.tenant()?;
    let policy = store::policies::lookup(&mut tx).await?;

    Ok(Found(SignInPolicyView::of(&policy, &identity)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn a_tenant_that_has_said_nothing_has_the_usual_rules() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Owner, Role::Admin, Role::Auditor] {
            let client = test.client.caller(&tenant.caller(role));
            let read = client.get("/api/v1/policies/sign-in").await.expect(200);
            assert_eq!(read.json["second_factor"], "optional");
            assert_eq!(read.json["step_up_minutes"], 15);
            assert_eq!(
                read.json["most"],
                json!({"session_idle_minutes": 1440, "session_hours": 720})
            );
            assert_eq!(
                (&read.json["session_idle_minutes"], &read.json["session_hours"]),
                (&json!(1440), &json!(720))
            );
            assert_eq!(read.json["updated_at"], json!(null));
            let again = client.request(reqwest::Method::GET, "/api/v1/policies/sign-in");
            let again = again.header("if-none-match", read.header("etag"));
            client.send(again).await.expect(304);
        }
        for role in [Role::Operator, Role::Viewer] {
            let client = test.client.caller(&tenant.caller(role));
            client.get("/api/v1/policies/sign-in").await.expect(403);
        }
    }
}
