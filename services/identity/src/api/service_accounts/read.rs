use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::service_account;
use web::{Found, Read, Refusals};

use super::{InAccount, ServiceAccountView};
use crate::state::Identity;
use crate::store;

/// Reads a service account.
#[utoipa::path(
    operation_id = "read_service_account",
    tag = "service-accounts",
    description = "One account, by id or name. Needs `service_account.read`.",
    params(("account" = String, Path, description = "Id or name", example = "backup")),
    responses(
        (status = 200, description = "The account", body = ServiceAccountView),
        (status = 304, description = "Unchanged"),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[get("/service-accounts/{account}")]
pub async fn read_service_account(
    ask: Read<service_account::Read>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Result<Found<ServiceAccountView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;

    Ok(Found(ServiceAccountView::from(&*account)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::ServiceAccountId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_account_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let (me, them) = (
            test.client.caller(&mine.caller(Role::Owner)),
            test.client.caller(&theirs.caller(Role::Owner)),
        );
        let made = them
            .post("/api/v1/service-accounts", json!({"name": "backup"}))
            .await
            .expect(201);
        let foreign = me.get(made.header("location")).await.expect(404);
        let absent = format!("/api/v1/service-accounts/{}", ServiceAccountId::mint());
        let absent = me.get(&absent).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        me.get("/api/v1/service-accounts/backup").await.expect(404);
        me.patch(made.header("location"), "*", json!({"enabled": false}))
            .await
            .expect(404);
        me.delete_if(made.header("location"), "*").await.expect(404);
        them.get("/api/v1/service-accounts/backup").await.expect(200);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get("/api/v1/service-accounts/backup").await.expect(403);
    }
}
