use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::ExposeSecret;
use web::{Open, Refusals};

use super::come_in::{Settled, settle};
use super::{ComeBack, ask as ask_provider, come_back, refused, tell, turned_away};
use crate::api::auth::SignInAnswer;
use crate::guess;
use crate::oidc::secret::Secret;
use crate::state::Identity;
use crate::store;

/// Ends a sign-in by an identity provider.
#[utoipa::path(
    operation_id = "complete_provider_sign_in",
    tag = "auth",
    description = "Turns the provider's answer into tokens; or, for somebody who has a second factor here that the provider is not \
                   believed to have asked for, into a challenge, as `/auth/login` does. Who they are is the provider's issuer \
                   and subject, never an address. 403 if nobody here is linked to that and the provider may not make people; \
                   409 if it may and the address is somebody's already: they link the provider while signed in. Else, whatever \
                   is wrong, the same 401.",
    request_body(content = ComeBack, description = "The answer, and the secret that was kept"),
    responses((status = 200, description = "Signed in, or half of it", body = SignInAnswer), Refusals),
    security(()),
)]
#[post("/auth/oidc/complete")]
pub async fn complete_provider_sign_in(
    ask: Open<ComeBack>,
    identity: Data<Identity>,
) -> Result<Json<SignInAnswer>, fault::Error> {
    let secret = Secret::parse(ask.body.secret.expose_secret()).map_err(|_| refused())?;
    let back = come_back(&identity, &secret).await?;
    // What was begun to link a provider is no sign-in.
    let (provider, away) = back.filter(|(_, away)| away.user.is_none()).ok_or_else(refused)?;

    let vouched = match ask_provider(&identity, &ask.body, (&secret, &away), &provider).await {
        Ok(vouched) => vouched,
        Err(error) => {
            tell(&identity, &ask.origin, &provider, &error.to_string()).await?;
            return Err(turned_away(&error));
        }
    };

    let settled = match settle(&identity, &ask.origin, &provider, &vouched).await? {
        Ok(settled) => settled,
        Err(turned) => {
            tell(&identity, &ask.origin, &provider, turned.code()).await?;
            return Err(turned.into());
        }
    };
    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::external(&identity.guesses, &guess::network(ask.origin.address));
    store::guesses::give_back(&mut tx, identity.lookup.held()?, &budgets).await?;
    tx.commit().await?;
    match settled {
        Settled::In(session, token) => {
            let tokens = identity.hand_out(&session, &token).await?;
            Ok(Json(SignInAnswer::Authenticated(tokens.into_inner())))
        }
        Settled::Half(answer) => Ok(Json(SignInAnswer::MfaRequired(answer))),
    }
}
