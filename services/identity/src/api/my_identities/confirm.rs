use actix_web::post;
use actix_web::web::Data;
use auth::action::external_identity;
use db::{Created, Outcome, Status};
use ids::{ExternalIdentityId, IdOrName};
use secrecy::ExposeSecret;
use web::{Change, DryRun, Refusals};

use super::LinkedIdentity;
use crate::api::auth::oidc::{ComeBack, ask as ask_provider, come_back, refused, turned_away};
use crate::api::factors::signed_in;
use crate::oidc::secret::Secret;
use crate::provider::ExternalIdentity;
use crate::state::Identity;
use crate::store;

/// Links an identity provider to the caller.
#[utoipa::path(
    operation_id = "confirm_identity",
    tag = "me",
    description = "From now on the caller may sign in by it. 409 if that account of the provider is somebody's already, or the \
                   caller has another there. The answer is used up whatever comes of it, on a dry run too. Asks for a factor \
                   shown of late.",
    params(DryRun),
    request_body(content = ComeBack, description = "The answer, and the secret that was kept"),
    responses((status = 201, description = "Linked", body = LinkedIdentity), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/identities:confirm")]
pub async fn confirm_identity(
    ask: Change<external_identity::Create, ComeBack>,
    identity: Data<Identity>,
) -> Outcome<LinkedIdentity> {
    let (user, _) = signed_in(ask.caller())?;
    let not_good = || fault::Error::invalid("/secret", "is not good, or no longer; begin anew");
    let secret = Secret::parse(ask.body.secret.expose_secret()).map_err(|_| not_good())?;
    // Begun by whoever ends it: else somebody's link would be ended with another's account.
    let back = come_back(&identity, &secret).await?;
    let (provider, away) = back
        .filter(|(provider, away)| away.user == Some(user) && provider.tenant == ask.caller().tenant())
        .ok_or_else(not_good)?;
    let vouched = ask_provider(&identity, &ask.body, (&secret, &away), &provider).await;
    let vouched = vouched.map_err(|error| {
        tracing::info!(provider = %provider.id, why = %error, "not linked");
        // The caller is signed in, whatever the provider says.
        match turned_away(&error) {
            silent if silent.kind() == fault::Kind::Unavailable => silent,
            _ => fault::Error::invalid("/code", refused().detail().to_owned()),
        }
    })?;

    let lookup = identity.lookup.key().await?;
    let mut tx = ask.begin(&identity.db).await?;
    let provider = store::identity_providers::lookup(&mut tx, &IdOrName::Id(provider.id)).await?;
    let id = ExternalIdentityId::mint();
    if !store::external_identities::link(&mut tx, &provider, (id, user), &vouched.subject, lookup).await? {
        let detail = "That account of the provider is linked already, or you have linked another one there.";
        return Err(fault::Error::conflict(detail).into());
    }

    let linked = ExternalIdentity {
        id,
        provider: provider.name.clone(),
        provider_display_name: provider.display_name.clone(),
        subject: vouched.subject,
        used_at: None,
        created_at: tx.now(),
    };
    tx.finish(Status::Created, Created(LinkedIdentity::from(&linked))).await
}
