use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::identity_provider;
use db::{Changed, Outcome, Status};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{BelievedFactor, IdentityProviderView, InProvider, NewGroupRule, check_claim, rules};
use crate::project::Name;
use crate::provider::{self, Provider, check_credential, check_line, check_words};
use crate::state::Identity;
use crate::store;

/// What to change of an identity provider; what is left out stays. Its issuer never changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyIdentityProvider {
    /// The new name.
    #[schema(example = "corporate", max_length = 63)]
    pub name: Option<String>,
    /// What people are shown.
    #[schema(example = "Example Corp.", max_length = 200)]
    pub display_name: Option<String>,
    /// Who this tenant is there.
    #[schema(example = "yunshu", max_length = 255)]
    pub client_id: Option<String>,
    /// What it proves that with; empty: nothing, as a public client.
    #[schema(value_type = Option<String>, format = Password, example = "s3cr3t-of-the-client", max_length = 1000)]
    pub client_secret: Option<SecretString>,
    /// What is asked of it beside `openid`.
    #[schema(example = json!(["email", "profile"]), max_items = 20)]
    pub scopes: Option<Vec<String>>,
    /// May people sign in by it?
    #[schema(example = true)]
    pub enabled: Option<bool>,
    /// Does whoever comes by it for the first time become a person of the tenant?
    #[schema(example = false)]
    pub create_users: Option<bool>,
    /// The claim that names groups; empty: none.
    #[schema(example = "groups", max_length = 200)]
    pub groups_claim: Option<String>,
    /// All rules of groups, in the place of those there are.
    pub groups: Option<Vec<NewGroupRule>>,
    /// What it says when a second factor was shown there, and is believed.
    pub second_factor: Option<BelievedFactor>,
}

/// The provider as it is to be, but for its secret.
fn checked(body: &ModifyIdentityProvider, of: &Provider) -> Result<Provider, fault::FieldError> {
    let mut to = of.clone();
    if let Some(name) = &body.name {
        Name::check(name)?.as_str().clone_into(&mut to.name);
    }
    if let Some(text) = &body.display_name {
        to.display_name = check_line("/display_name", text, 200)?;
    }
    if let Some(id) = &body.client_id {
        check_credential("/client_id", id, 255)?;
        to.client_id.clone_from(id);
    }
    if let Some(secret) = &body.client_secret
        && !secret.expose_secret().is_empty()
    {
        check_credential("/client_secret", secret.expose_secret(), 1000)?;
    }
    if let Some(scopes) = &body.scopes {
        to.scopes = check_words("/scopes", scopes)?;
    }
    if let Some(claim) = &body.groups_claim {
        to.groups_claim = check_claim(claim)?;
    }
    if let Some(factor) = &body.second_factor {
        to.trust = factor.check()?;
    }
    to.enabled = body.enabled.unwrap_or(to.enabled);
    to.create_users = body.create_users.unwrap_or(to.create_users);
    Ok(to)
}

/// Changes an identity provider.
#[utoipa::path(
    operation_id = "modify_identity_provider",
    tag = "identity-providers",
    description = "Send the `ETag` last read as `If-Match`. Whoever changes a provider must carry all that its rules give, those \
                   before and those after, and all that the people carry who come by it. Sessions that were begun by it go on. Needs `identity_provider.modify` and a factor \
                   shown of late.",
    params(("provider" = String, Path, description = "Id or name", example = "corporate"), DryRun, IfMatch),
    request_body(content = ModifyIdentityProvider, description = "What to change"),
    responses((status = 200, description = "The provider as it is now", body = IdentityProviderView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/identity-providers/{provider}")]
pub async fn modify_identity_provider(
    ask: Change<identity_provider::Modify, ModifyIdentityProvider>,
    path: Path<InProvider>,
    identity: Data<Identity>,
) -> Outcome<IdentityProviderView> {
    let redirect = identity.providers.redirect();

    let mut tx = ask.begin(&identity.db).await?;
    let provider = store::identity_providers::hold(&mut tx, &path.provider).await?;
    let old = store::identity_providers::rules(&mut tx, provider.id).await?;
    rules::must_cover_people(&mut tx, ask.caller(), provider.id).await?;
    rules::must_give_all(&mut tx, ask.caller(), &old).await?;
    let before = IdentityProviderView::of(&provider, &old, redirect);
    tx.must_match(&before)?;

    let mut to = checked(&ask.body, &provider).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    if let Some(secret) = &ask.body.client_secret {
        to.sealed = provider::seal(tx.keys()?, provider.tenant, provider.id, Some(secret))?;
    }
    let rules = match &ask.body.groups {
        Some(groups) => rules::resolve(&mut tx, ask.caller(), groups).await?,
        None => old,
    };
    store::identity_providers::set_rules(&mut tx, provider.id, &rules).await?;
    let after = store::identity_providers::set(&mut tx, &provider, &to)
        .await
        .map_err(|error| error.taken("identity provider"))?;

    let after = IdentityProviderView::of(&after, &rules, redirect);
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn of_many_who_read_one_state_one_changes_it_and_the_issuer_stays() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        test.group(&tenant, "staff").await;
        let body = json!({"name": "corp", "issuer": "https://id.example", "client_id": "yunshu", "client_secret": "hush",
                          "groups": [{"group": "staff"}]});
        owner.post("/api/v1/identity-providers", body).await.expect(201);
        let path = "/api/v1/identity-providers/corp";
        let changes = (0..8).map(|n| owner.patch(path, "\"1\"", json!({"display_name": format!("by {n}")})));
        let replies = futures::future::join_all(changes).await;
        let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 7), "{replies:?}");
        owner
            .patch(path, "*", json!({"issuer": "https://evil.example"}))
            .await
            .expect(400);
        let now = owner
            .patch(
                path,
                "*",
                json!({"client_secret": "", "groups_claim": "g", "second_factor": {"amr": ["mfa"]}}),
            )
            .await
            .expect(200);
        assert_eq!(
            (&now.json["has_secret"], &now.json["groups_claim"]),
            (&json!(false), &json!("g"))
        );
        assert_eq!(now.json["groups"][0]["group"], "staff", "left out: stays");
        let now = owner
            .patch(path, "*", json!({"groups": [], "groups_claim": ""}))
            .await
            .expect(200);
        assert_eq!(
            (&now.json["groups"], now.json["groups_claim"].is_null()),
            (&json!([]), true)
        );
        owner.patch(path, "*", json!({"client_id": ""})).await.expect(400);
        owner
            .patch(&format!("{path}?dry_run=true"), "*", json!({"enabled": false}))
            .await
            .expect(200);
        assert_eq!(owner.get(path).await.json["enabled"], true);
    }
}
