use actix_web::get;
use actix_web::web::Data;
use auth::action::policy;
use web::{Found, Read, Refusals};

use super::PasswordPolicyView;
use crate::state::Identity;
use crate::store;

/// Reads what the tenant asks of passwords.
#[utoipa::path(
    operation_id = "read_password_policy",
    tag = "policies",
    description = "What passwords look like, when they are changed and which are not chosen again. Needs `policy.read`; \
                   everybody finds in `GET /me` what concerns them.",
    responses((status = 200, description = "The policy", body = PasswordPolicyView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/policies/password")]
pub async fn read_password_policy(
    ask: Read<policy::Read>,
    identity: Data<Identity>,
) -> Result<Found<PasswordPolicyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    tx.tenant()?;
    let policy = store::policies::lookup(&mut tx).await?;

    Ok(Found(PasswordPolicyView::from(&policy)))
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn a_tenant_that_has_said_nothing_has_the_usual_rules() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let auditor = test.client.caller(&tenant.caller(Role::Auditor));
        let read = auditor.get("/api/v1/policies/password").await.expect(200).json;
        assert_eq!((&read["profile"], &read["min_length"]), (&"nist".into(), &15.into()));
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.get("/api/v1/policies/password").await.expect(403);
    }
}
