use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::identity_provider;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{IdentityProviderView, InProvider, rules};
use crate::state::Identity;
use crate::store;

/// Deletes an identity provider.
#[utoipa::path(
    operation_id = "delete_identity_provider",
    tag = "identity-providers",
    description = "With it goes who people are there, and the groups that it has put them into; the people stay, and whoever had \
                   no other way to sign in has none. The last owner stays. Send the `ETag` last read as `If-Match`. Needs \
                   `identity_provider.delete` and a factor shown of late.",
    params(("provider" = String, Path, description = "Id or name", example = "corporate"), DryRun, IfMatch),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = IdentityProviderView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/identity-providers/{provider}")]
pub async fn delete_identity_provider(
    ask: Change<identity_provider::Delete>,
    path: Path<InProvider>,
    identity: Data<Identity>,
) -> Outcome<IdentityProviderView> {
    let mut tx = ask.begin(&identity.db).await?;
    let owners = store::owners::hold(&mut tx).await?;
    let provider = store::identity_providers::hold(&mut tx, &path.provider).await?;
    let rules = store::identity_providers::rules(&mut tx, provider.id).await?;
    rules::must_cover_people(&mut tx, ask.caller(), provider.id).await?;
    rules::must_give_all(&mut tx, ask.caller(), &rules).await?;
    let gone = IdentityProviderView::of(&provider, &rules, identity.providers.redirect());
    tx.must_match(&gone)?;

    store::identity_providers::remove(&mut tx, &provider).await?;
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_goes_for_whoever_read_its_present_state() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "corp", "issuer": "https://id.example", "client_id": "yunshu"});
        owner.post("/api/v1/identity-providers", body).await.expect(201);
        let path = "/api/v1/identity-providers/corp";
        owner.delete(path).await.expect(428);
        owner.delete_if(path, "\"7\"").await.expect(412);
        owner.delete_if(&format!("{path}?dry_run=true"), "*").await.expect(200);
        owner.delete_if(path, "\"1\"").await.expect(204);
        owner.get(path).await.expect(404);
        let deleted = ("identity_provider.delete".to_owned(), "success".to_owned());
        assert!(test.audit(&tenant).await.contains(&deleted));
    }
}
