//! The client or service account of a request, once it has proven who it is.

use auth::Action;
use auth::action::authorization;
use db::SystemTx;
use ids::TenantId;
use ids::uuid::Uuid;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use web::Origin;

use super::BASE;
use super::shown::{Proof, Shown};
use crate::account::credential::What;
use crate::api::auth::record_refusal;
use crate::guess;
use crate::oauth::client::{parse_id, wire_id};
use crate::oauth::jwk::PublicJwk;
use crate::oauth::{Client, Code, Refusal, assertion};
use crate::once;
use crate::state::Identity;
use crate::store;
use crate::store::account_credentials::Known;
use crate::store::account_sessions::Machine;

/// Whatever is wrong reads the same: who tries ids learns nothing.
fn unproven() -> Refusal {
    Refusal::new(
        Code::InvalidClient,
        "There is no such client, or this does not prove that it is this one.",
    )
}

/// Who has proven themself.
pub enum Party {
    /// A client that people let in.
    Client(Box<Client>),
    /// A service account, on its own behalf.
    Machine(Machine),
}

impl Party {
    /// The client that people let in; a machine is none.
    pub fn client(self) -> Result<Client, Refusal> {
        match self {
            Self::Client(client) => Ok(*client),
            Self::Machine(_) => Err(Refusal::new(
                Code::UnauthorizedClient,
                "A service account comes by the grant type client_credentials alone.",
            )),
        }
    }
}

/// The client or service account that this proves to be.
pub async fn prove(identity: &Identity, origin: &Origin, shown: Shown) -> Result<Party, Refusal> {
    let (name, proof) = shown.read()?;
    let id = parse_id(&name).ok_or_else(unproven)?;

    let mut tx = identity.begin_sign_in().await?;
    let (tenant, party) = match store::oauth_clients::named(&mut tx, id).await? {
        Some(client) => (client.tenant, as_client(&mut tx, identity, client, &proof).await?),
        None => match store::account_credentials::of_account(&mut tx, id.as_uuid()).await? {
            Some(known) => (known.tenant, as_machine(&mut tx, identity, &known, &proof).await?),
            None => return Err(unproven()),
        },
    };
    if party.is_none() {
        note(&mut tx, identity, origin, (tenant, id.as_uuid())).await?;
    }
    tx.commit().await?;
    party.ok_or_else(unproven)
}

async fn as_client(
    tx: &mut SystemTx,
    identity: &Identity,
    client: Client,
    proof: &Proof,
) -> Result<Option<Party>, Refusal> {
    let proven = match (proof, &client.secret_hash, &client.jwks) {
        (Proof::Nothing, None, None) => true,
        (Proof::Secret(secret), Some(hash), None) => is_secret(secret, hash),
        (Proof::Assertion(text), None, Some(jwks)) => {
            let keys: Vec<&PublicJwk> = jwks.keys.iter().collect();
            let own = (client.tenant, client.id.as_uuid());
            by_key(tx, identity, own, (text.expose_secret(), &wire_id(client.id), &keys)).await?
        }
        _ => false,
    };
    Ok(proven.then(|| Party::Client(Box::new(client))))
}

async fn as_machine(
    tx: &mut SystemTx,
    identity: &Identity,
    known: &Known,
    proof: &Proof,
) -> Result<Option<Party>, Refusal> {
    let own = (known.tenant, known.account.as_uuid());
    let of = known.account.to_string();
    for credential in &known.credentials {
        let proven = match (proof, &credential.what) {
            (Proof::Secret(secret), What::Secret(hash)) => is_secret(secret, hash),
            (Proof::Assertion(text), What::Key(jwk)) => {
                by_key(tx, identity, own, (text.expose_secret(), &of, &[jwk])).await?
            }
            _ => false,
        };
        if proven {
            return Ok(Some(Party::Machine(Machine {
                tenant: known.tenant,
                account: known.account,
                credential: credential.id,
            })));
        }
    }
    Ok(None)
}

/// Is this the secret of that hash?
fn is_secret(secret: &secrecy::SecretString, hash: &[u8]) -> bool {
    bool::from(once::digest(secret.expose_secret()).as_slice().ct_eq(hash))
}

/// Is this a good proof by one of these keys, shown for the first time?
async fn by_key(
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
async fn note(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    (tenant, id): (TenantId, Uuid),
) -> Result<(), Refusal> {
    let budget = guess::client(&identity.guesses, &id, &guess::network(origin.address));
    if store::guesses::spend(tx, identity.lookup.held()?, &[budget])
        .await?
        .is_none()
    {
        let what = (format!("oauth_client:{id}"), Code::InvalidClient.name());
        record_refusal(tx, tenant, origin, authorization::Create::INFO, what)?;
    }
    Ok(())
}
