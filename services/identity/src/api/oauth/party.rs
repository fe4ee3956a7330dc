//! The client of a request, once it has proven who it is.

use auth::Action;
use auth::action::authorization;
use db::{Reason, SystemTx};
use ids::TenantId;
use ids::uuid::Uuid;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use web::Origin;

use super::BASE;
use super::shown::{Proof, Shown};
use crate::api::auth::record_refusal;
use crate::guess;
use crate::oauth::client::{parse_id, wire_id};
use crate::oauth::jwk::PublicJwk;
use crate::oauth::{Client, Code, Refusal, assertion};
use crate::once;
use crate::state::Identity;
use crate::store;

/// Whatever is wrong reads the same: who tries ids learns nothing.
fn unproven() -> Refusal {
    Refusal::new(
        Code::InvalidClient,
        "There is no such client, or this does not prove that it is this one.",
    )
}

/// The client that this proves to be.
pub async fn prove(identity: &Identity, origin: &Origin, shown: Shown) -> Result<Client, Refusal> {
    let (name, proof) = shown.read()?;
    let id = parse_id(&name).ok_or_else(unproven)?;

    let mut tx = identity.db.system(Reason::SignIn).await?;
    let client = store::oauth_clients::named(&mut tx, id).await?.ok_or_else(unproven)?;
    let own = (client.tenant, id.as_uuid());
    let proven = match (&proof, &client.secret_hash, &client.jwks) {
        (Proof::Nothing, None, None) => true,
        (Proof::Secret(secret), Some(hash), None) => is_secret(secret, hash),
        (Proof::Assertion(text), None, Some(jwks)) => {
            let keys: Vec<&PublicJwk> = jwks.keys.iter().collect();
            by_key(&mut tx, identity, own, (text.expose_secret(), &wire_id(id), &keys)).await?
        }
        _ => false,
    };
    if !proven {
        note(&mut tx, identity, origin, own).await?;
        tx.commit().await?;
        return Err(unproven());
    }
    tx.commit().await?;
    Ok(client)
}

/// Is this the secret of that hash?
pub fn is_secret(secret: &secrecy::SecretString, hash: &[u8]) -> bool {
    bool::from(once::digest(secret.expose_secret()).as_slice().ct_eq(hash))
}

/// Is this a good proof by one of these keys, shown for the first time?
pub async fn by_key(
    tx: &mut SystemTx,
    identity: &Identity,
    own: (TenantId, Uuid),
    (text, of, keys): (&str, &str, &[&PublicJwk]),
) -> Result<bool, Refusal> {
    let issuer = identity.keys.issuer();
    let audiences = [issuer.to_owned(), format!("{issuer}{BASE}/token")];
    match assertion::check(text, keys, of, &audiences, tx.now()) {
        Ok(proof) => Ok(store::oauth_assertions::spend(tx, own, &proof.jti, proof.ends).await?),
        Err(error) => {
            tracing::debug!(%error, client = of, "a client's proof was refused");
            Ok(false)
        }
    }
}

/// Tells the log of the client's tenant, as often as somebody may guess: else its reader would be the one who is flooded.
pub async fn note(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    (tenant, id): (TenantId, Uuid),
) -> Result<(), Refusal> {
    let budget = guess::client(&identity.guesses, &id, &guess::network(origin.address));
    if store::guesses::spend(tx, &budget).await?.is_none() {
        let what = (format!("oauth_client:{id}"), Code::InvalidClient.name());
        record_refusal(tx, tenant, origin, authorization::Create::INFO, what)?;
    }
    Ok(())
}
