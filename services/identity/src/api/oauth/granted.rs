//! The end of every way that a person lets a client in: its session, and what it gets.

use auth::action::session;
use auth::token::LIFETIME_SECONDS;
use auth::{Action, Caller};
use chrono::TimeDelta;
use db::{AuditEvent, AuditOutcome, SystemTx};
use ids::{SessionId, TenantId};
use serde_json::json;
use web::Origin;

use super::OauthTokens;
use crate::oauth::client::wire_id;
use crate::oauth::id_token::{About, IdClaims, SignIn, Subject};
use crate::oauth::{Client, Code, GrantType, Refusal, Scopes};
use crate::refresh::{Family, RefreshToken};
use crate::session::Session;
use crate::state::Identity;
use crate::store;
use crate::store::oauth_codes::Allowed;

/// A session that a client was given.
pub struct Granted {
    pub session: Session,
    refresh: Option<RefreshToken>,
    scopes: Scopes,
    id: Option<(SignIn, Option<String>, About)>,
}

/// Begins a session of what somebody has allowed; the log is told in the same commit.
pub async fn begin(
    tx: &mut SystemTx,
    identity: &Identity,
    origin: &Origin,
    client: &Client,
    (tenant, allowed): (TenantId, &Allowed),
) -> Result<Granted, Refusal> {
    let about = store::grants::about(tx, tenant, allowed.user).await?;
    let (display_name, email) = about
        .filter(|_| client.serves(tenant))
        .ok_or_else(|| Refusal::new(Code::InvalidGrant, "Whoever allowed this may not sign in any more."))?;
    let (now, id) = (tx.now(), SessionId::mint());
    let (family, family_key) =
        Family::begin(&tx.keys(tenant).map_err(fault::Error::from)?, tenant, id).map_err(fault::Error::from)?;
    let token = family.first();
    let renewable = client.may(GrantType::RefreshToken);
    // What cannot be renewed ends with its one access token.
    let lives = store::policies::at_sign_in(tx, tenant)
        .await?
        .lifetimes(identity.lifetimes);
    let most = if renewable {
        lives.most
    } else {
        TimeDelta::seconds(LIFETIME_SECONDS)
    };
    let ends_at = now + most;
    let session = Session {
        tenant,
        id,
        user: allowed.user,
        client: Some(client.id),
        family_key,
        token_hash: token.hash().to_vec(),
        previous: None,
        expires_at: lives.expires(now, ends_at),
        ends_at,
        over: false,
        owes: Vec::new(),
    };
    let whose = (client.id, &allowed.scopes);
    store::grants::insert(tx, &session, whose, &allowed.sign_in, origin.address).await?;
    store::devices::note(tx, &session, &as_client(origin, client)).await?;

    let caller = Caller::newcomer(tenant, allowed.user, Vec::new(), origin.address, origin.request);
    let (action, object) = (session::Create::INFO.name, format!("session:{id}"));
    let changes = json!({"client_id": {"before": null, "after": wire_id(client.id)},
                         "scopes": {"before": null, "after": allowed.scopes.names()}});
    let entry = AuditEvent::of(&caller, now, action, object, AuditOutcome::Success, changes);
    tx.record(tenant, &entry)?;

    let told = allowed.scopes.has("openid").then(|| {
        let about = About::of(&allowed.scopes, &display_name, &email);
        (allowed.sign_in.clone(), allowed.nonce.clone(), about)
    });
    Ok(Granted {
        session,
        refresh: renewable.then_some(token),
        scopes: allowed.scopes.clone(),
        id: told,
    })
}

/// A client's request as it is remembered with its session: by what people know it as.
pub fn as_client(origin: &Origin, client: &Client) -> Origin {
    Origin {
        user_agent: client.name.chars().take(200).collect(),
        ..origin.clone()
    }
}

impl Granted {
    /// A session that goes on.
    pub const fn renewed(session: Session, token: RefreshToken, scopes: Scopes) -> Self {
        Self {
            session,
            refresh: Some(token),
            scopes,
            id: None,
        }
    }

    /// What its client gets.
    pub async fn tokens(self, identity: &Identity) -> Result<OauthTokens, Refusal> {
        let sign = |error: crate::keys::Error| Refusal::from(fault::Error::from(error));
        let access_token = identity.keys.access_token(&self.session).await.map_err(sign)?;
        let id_token = match (self.id, self.session.client) {
            (Some((sign_in, nonce, about)), Some(client)) => {
                let of = Subject {
                    tenant: self.session.tenant,
                    user: self.session.user,
                    session: self.session.id,
                    client,
                };
                let made = (identity.keys.issuer().to_owned(), identity.db.clock().now());
                let claims = IdClaims::new(made, &of, &sign_in, &access_token, (nonce, about));
                Some(identity.keys.id_token(&claims).await.map_err(sign)?)
            }
            _ => None,
        };
        Ok(OauthTokens {
            access_token,
            token_type: "Bearer",
            expires_in: LIFETIME_SECONDS,
            scope: self.scopes.text(),
            refresh_token: self.refresh.map(|token| token.expose()),
            id_token,
        })
    }
}
