use actix_web::get;
use actix_web::web::{Data, Json};
use auth::action::audit;
use web::{Read, Refusals};

use super::{ComplianceView, known, view};
use crate::state::Audit;

/// Shows what can be shown of standards.
#[utoipa::path(
    operation_id = "read_audit_compliance",
    tag = "audit",
    description = "Controls of the GDPR and of GB/T 22239-2019, and what the log can see of itself of each now. What it cannot \
                   see is not assessed: then a test of the platform's is named that shows it, or nothing is. An assessment by \
                   people who may assess is not replaced. Needs `audit.read`.",
    responses((status = 200, description = "The controls", body = ComplianceView), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/compliance")]
pub async fn read_audit_compliance(
    ask: Read<audit::Read>,
    audit: Data<Audit>,
) -> Result<Json<ComplianceView>, fault::Error> {
    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let known = known(&audit, &mut tx, &tenant).await?;
    Ok(Json(view(&known)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use auth::action::{session, vm};
    use serde_json::Value;

    use crate::testing::start_paced;

    const PATH: &str = "/api/v1/audit/compliance";

    fn status<'a>(controls: &'a Value, id: &str) -> &'a str {
        let all = controls["controls"].as_array().unwrap();
        all.iter().find(|control| control["id"] == id).unwrap()["status"]
            .as_str()
            .unwrap()
    }

    #[tokio::test]
    async fn what_the_log_sees_of_itself_is_shown_and_no_more() {
        let test = start_paced(1_000, 0).await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.owner(&tenant);
        let before = owner.get(PATH).await.expect(200).json;
        assert_eq!(status(&before, "mlps3-8.1.4.1"), "not_assessed");
        assert_eq!(status(&before, "mlps3-8.1.5"), "met");
        assert_eq!(status(&before, "gdpr-30"), "not_assessed");
        test.wrote::<session::Create>(&tenant.caller(Role::Viewer), "session:one")
            .await;
        test.signed(&tenant, 1).await;
        let after = owner.get(PATH).await.expect(200).json;
        assert_eq!(status(&after, "mlps3-8.1.4.1"), "met");
        assert_eq!(status(&after, "gdpr-5-1-f"), "met");
        assert_eq!(status(&after, "gdpr-32"), "not_met", "there is no witness");
        assert_eq!(status(&after, "mlps3-8.2"), "not_assessed");
    }

    #[tokio::test]
    async fn t01_of_others_nothing_is_counted_and_admins_may_not() {
        let test = start_paced(1_000, 0).await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.wrote::<session::Create>(&theirs.caller(Role::Viewer), "session:one")
            .await;
        test.wrote::<vm::Create>(&theirs.caller(Role::Admin), "vm:one").await;
        test.signed(&theirs, 2).await;
        let seen = test.owner(&mine).get(PATH).await.expect(200).json;
        assert_eq!(status(&seen, "mlps3-8.1.4.1"), "not_assessed");
        assert_eq!(status(&seen, "gdpr-5-1-f"), "not_assessed");
        for path in [PATH.to_owned(), format!("{PATH}/pack")] {
            test.client
                .caller(&mine.caller(Role::Admin))
                .get(&path)
                .await
                .expect(403);
        }
    }
}
