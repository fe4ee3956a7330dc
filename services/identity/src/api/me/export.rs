use actix_web::get;
use actix_web::web::Data;
use auth::action::me;
use db::{Done, Outcome, Status};
use web::{Change, Refusals};

use crate::api::users::UserView;
use crate::api::users::export::PersonExport;
use crate::state::Identity;
use crate::store;

/// Exports the caller's own person.
#[utoipa::path(
    operation_id = "export_me",
    tag = "me",
    description = "Everything held on the caller, as JSON: record, roles, groups, sessions with addresses, keys; no secrets \
                   and no hashes. Needs a factor shown of late.",
    responses((status = 200, description = "Everything held on the caller", body = PersonExport), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/export")]
pub async fn export_me(ask: Change<me::Export>, identity: Data<Identity>) -> Outcome<PersonExport> {
    let user = ask.caller().user().ok_or_else(|| fault::Error::not_found("person"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let user = store::users::lookup(&mut tx, user).await?;

    let numbers = store::factors::numbers(&mut tx, &user).await?;
    let held = store::export::held(&mut tx, &user, numbers).await?;

    let exported_at = tx.now();
    let user = UserView::from(&*user);
    tx.finish(
        Status::Ok,
        Done(PersonExport {
            exported_at,
            user,
            held,
        }),
    )
    .await
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::{PASSWORD, start};

    #[tokio::test]
    async fn it_is_all_of_ones_own_and_nothing_of_others() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        let eve = test.person(&tenant, "eve", Role::Viewer).await;
        for person in [&ada, &eve] {
            test.sign_in(&person.email, PASSWORD).await.expect(200);
        }
        let export = ada.client.get("/api/v1/me/export").await.expect(200);
        assert_eq!(export.json["user"]["email"], ada.email.as_str());
        assert_eq!(export.json["held"]["sessions"].as_array().unwrap().len(), 1);
        assert!(!export.text.contains(&eve.id.to_string()), "{}", export.text);
        let ghost = test.client.caller(&tenant.caller(Role::Owner));
        ghost.get("/api/v1/me/export").await.expect(404);
        let stale = test.stale(&tenant, &ada).get("/api/v1/me/export").await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
    }
}
