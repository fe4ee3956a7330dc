//! `identity.invitations`: one-use tokens, of which only digests are kept.

use auth::action::invitation;
use auth::{Action, Permissions, Principal, Rights, Role};
use chrono::{DateTime, TimeDelta, Utc};
use crypto::{KeyError, LookupKey, TenantKeys};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{BindingId, InvitationId, ProjectId, RoleId, ServiceAccountId, TenantId, UserId};
use web::Window;

use crate::invitation::{Invitation, Offer};
use crate::once::TokenDigest;
use crate::person::{DisplayName, EMAIL, Email};
use crate::store::sealed::{INVITED, Kept};

/// How long an invitation that nobody accepted is kept after its end.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);

#[derive(sqlx::FromRow)]
struct InvitationRow {
    tenant_id: TenantId,
    invitation_id: InvitationId,
    email_sealed: Option<Vec<u8>>,
    role: Option<String>,
    role_id: Option<RoleId>,
    custom: Option<String>,
    permissions: Option<Vec<String>>,
    project_id: Option<ProjectId>,
    inviter_id: Option<UserId>,
    inviter_account_id: Option<ServiceAccountId>,
    expires_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
    user_id: Option<UserId>,
    revoked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl InvitationRow {
    fn open(self, keys: &TenantKeys) -> Result<Invitation, KeyError> {
        let row = self;
        let built_in = row.role.as_deref().and_then(Role::named).map(Rights::Role);
        // A role that a newer release knows and this one does not carries nothing.
        let rights = built_in.unwrap_or_else(|| Rights::Custom {
            name: row.custom.or(row.role).unwrap_or_default(),
            permissions: Permissions::stored(row.permissions.unwrap_or_default()),
        });
        let inviter = match (row.inviter_id, row.inviter_account_id) {
            (Some(user), _) => Principal::User(user),
            (None, Some(account)) => Principal::ServiceAccount(account),
            (None, None) => Principal::System("unknown".to_owned()),
        };
        let email = INVITED.open(keys, row.invitation_id.as_uuid(), row.email_sealed.as_deref())?;
        Ok(Invitation {
            tenant: row.tenant_id,
            id: row.invitation_id,
            email: Email::stored(email),
            offer: Offer {
                rights,
                role: row.role_id,
                project: row.project_id,
            },
            inviter,
            expires_at: row.expires_at,
            accepted: row.accepted_at.zip(row.user_id),
            revoked_at: row.revoked_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

macro_rules! select_invitation {
    ($tail:literal) => {
        concat!(
            "select i.tenant_id, i.invitation_id, i.email_sealed, i.role, i.role_id, r.name as custom, r.permissions, i.project_id,
                    i.inviter_id, i.inviter_account_id, i.expires_at, i.accepted_at, i.user_id, i.revoked_at, i.created_at,
                    i.updated_at
             from identity.invitations i left join identity.roles r using (tenant_id, role_id)
             where i.tenant_id = $1 and ",
            $tail
        )
    };
}

/// The role of that name, built in or the tenant's own, as it may be offered.
pub async fn offer(
    tx: &mut Change<invitation::Create>,
    role: &str,
    project: Option<ProjectId>,
) -> Result<Option<Offer>> {
    // What is carried by all, by workers or by the platform's staff is nobody's to offer.
    let offered = |role: &Role| !matches!(role, Role::Anyone | Role::System | Role::PlatformOperator);
    if let Some(role) = Role::named(role) {
        let rights = Some(role).filter(offered).map(Rights::Role);
        return Ok(rights.map(|rights| Offer {
            rights,
            role: None,
            project,
        }));
    }
    let tenant = tx.tenant_id();
    let custom: Option<(RoleId, Vec<String>)> =
        sqlx::query_as("select role_id, permissions from identity.roles where tenant_id = $1 and name = $2")
            .bind(tenant)
            .bind(role)
            .fetch_optional(tx.sql())
            .await?;
    Ok(custom.map(|(id, permissions)| Offer {
        rights: Rights::Custom {
            name: role.to_owned(),
            permissions: Permissions::stored(permissions),
        },
        role: Some(id),
        project,
    }))
}

/// Is there somebody of that address already?
pub async fn is_here(tx: &mut Change<invitation::Create>, email: &Email, lookup: &LookupKey) -> Result<bool> {
    let tenant = tx.tenant_id();
    let found =
        sqlx::query_scalar("select exists (select from identity.users where tenant_id = $1 and email_mark = $2)")
            .bind(tenant)
            .bind(lookup.mark(EMAIL, email).bytes())
            .fetch_one(tx.sql())
            .await?;
    Ok(found)
}

/// Writes a new invitation.
pub async fn insert(
    tx: &mut Change<invitation::Create>,
    tenant: &Granted<Tenant, invitation::Create>,
    (email, offer): (&Email, &Offer),
    token: &TokenDigest,
    lives: TimeDelta,
) -> Result<Invitation> {
    let (id, now) = (InvitationId::mint(), tx.now());
    let (user, account) = match tx.caller().principal() {
        Principal::User(user) => (Some(*user), None),
        Principal::ServiceAccount(account) => (None, Some(*account)),
        Principal::System(_) | Principal::Operator(_) => (None, None),
    };
    let sealed = INVITED.seal(tx.keys()?, id.as_uuid(), email.as_str())?;
    let built_in = offer.role.is_none().then(|| offer.rights.name());
    sqlx::query(
        "insert into identity.invitations (tenant_id, invitation_id, email_sealed, token_sha256, role, role_id, project_id,
                                           inviter_id, inviter_account_id, expires_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(sealed)
    .bind(token.as_slice())
    .bind(built_in)
    .bind(offer.role)
    .bind(offer.project)
    .bind(user)
    .bind(account)
    .bind(now + lives)
    .bind(now)
    .execute(tx.sql())
    .await?;
    let row: InvitationRow = sqlx::query_as(select_invitation!("i.invitation_id = $2"))
        .bind(tenant.id)
        .bind(id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.open(tx.keys()?)?)
}

/// A window of the tenant's invitations, newest first.
pub async fn list(
    tx: &mut Read<invitation::List>,
    tenant: &Granted<Tenant, invitation::List>,
    window: &Window,
) -> Result<Vec<Invitation>, fault::Error> {
    let rows: Vec<InvitationRow> = sqlx::query_as(select_invitation!(
        "($2::uuid is null or i.invitation_id < $2) order by i.invitation_id desc limit $3"
    ))
    .bind(tenant.id)
    .bind(window.after::<InvitationId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let opened = rows.into_iter().map(|row| row.open(tx.keys()?));
    Ok(opened.collect::<Result<_, KeyError>>()?)
}

/// Takes an invitation for a change: nobody else accepts it or takes it back before the end of the transaction.
pub async fn hold<A: Action>(tx: &mut Change<A>, id: InvitationId) -> Result<Option<Invitation>> {
    let tenant = tx.tenant_id();
    let row: Option<InvitationRow> = sqlx::query_as(select_invitation!("i.invitation_id = $2 for update of i"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(|row| row.open(tx.keys()?)).transpose()?)
}

/// Takes an invitation back.
pub async fn set_revoked(
    tx: &mut Change<invitation::Delete>,
    invitation: &Granted<Invitation, invitation::Delete>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.invitations set revoked_at = $3, updated_at = $3
         where tenant_id = $1 and invitation_id = $2",
    )
    .bind(invitation.tenant)
    .bind(invitation.id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// An invitation that a token names.
#[derive(Debug, sqlx::FromRow)]
pub struct Named {
    /// Whose.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// What the tenant is called.
    #[sqlx(rename = "name")]
    pub tenant_name: String,
    /// Its id.
    #[sqlx(rename = "invitation_id")]
    pub id: InvitationId,
    email_sealed: Option<Vec<u8>>,
}

impl Named {
    /// Whom it invites.
    pub fn email(&self, keys: &TenantKeys) -> Result<Email, KeyError> {
        let email = INVITED.open(keys, self.id.as_uuid(), self.email_sealed.as_deref())?;
        Ok(Email::stored(email))
    }
}

/// Which invitation this token is.
pub async fn find(tx: &mut SystemTx, token: &TokenDigest) -> Result<Option<Named>> {
    let found = sqlx::query_as(
        "select i.tenant_id, t.name, i.invitation_id, i.email_sealed
         from identity.invitations i join identity.tenants t using (tenant_id) where i.token_sha256 = $1",
    )
    .bind(token.as_slice())
    .fetch_optional(tx.sql())
    .await?;
    Ok(found)
}

/// Is the inviter still somebody who may do anything at all?
pub async fn inviter_is_enabled(tx: &mut Change<invitation::Accept>, invitation: &Invitation) -> Result<bool> {
    let (user, account) = match &invitation.inviter {
        Principal::User(user) => (Some(*user), None),
        Principal::ServiceAccount(account) => (None, Some(*account)),
        Principal::System(_) | Principal::Operator(_) => (None, None),
    };
    let enabled = sqlx::query_scalar(
        "select exists (select from identity.users where tenant_id = $1 and user_id = $2 and enabled)
             or exists (select from identity.service_accounts where tenant_id = $1 and account_id = $3 and enabled)",
    )
    .bind(invitation.tenant)
    .bind(user)
    .bind(account)
    .fetch_one(tx.sql())
    .await?;
    Ok(enabled)
}

/// Makes the person who accepts, with their password and the role they were offered, and uses the invitation up. It is held.
pub async fn accept(
    tx: &mut Change<invitation::Accept>,
    invitation: &Granted<Invitation, invitation::Accept>,
    (user, display_name): (UserId, &DisplayName),
    hash: &str,
    lookup: &LookupKey,
) -> Result<()> {
    let now = tx.now();
    let offer = &invitation.offer;
    let kept = Kept::of(tx.keys()?, lookup, user, (&invitation.email, display_name))?;
    sqlx::query(
        "with person as (
             insert into identity.users (tenant_id, user_id, email_sealed, name_sealed, email_mark, created_at, updated_at)
             values ($1, $2, $3, $4, $11, $9, $9))
         , password as (
             insert into identity.passwords (tenant_id, user_id, hash, changed_at) values ($1, $2, $5, $9))
         insert into identity.role_bindings (tenant_id, binding_id, user_id, role, role_id, project_id, created_at,
                                             role_duty, apart)
         values ($1, $6, $2, $7, $8, $10, $9,
                 (select duty from identity.roles where tenant_id = $1 and role_id = $8),
                 (select duties_apart from identity.tenants where tenant_id = $1))",
    )
    .bind(invitation.tenant)
    .bind(user)
    .bind(kept.email)
    .bind(kept.name)
    .bind(hash)
    .bind(BindingId::mint())
    .bind(offer.role.is_none().then(|| offer.rights.name()))
    .bind(offer.role)
    .bind(now)
    .bind(offer.project)
    .bind(kept.mark.bytes())
    .execute(tx.sql())
    .await?;
    sqlx::query(
        "update identity.invitations set accepted_at = $3, user_id = $4, updated_at = $3
         where tenant_id = $1 and invitation_id = $2",
    )
    .bind(invitation.tenant)
    .bind(invitation.id)
    .bind(now)
    .bind(user)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Removes some of the invitations that nobody accepted, a month after their end: they hold strangers' addresses. How many.
pub async fn remove_old(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let oldest = tx.now() - KEPT_FOR;
    let removed = sqlx::query(
        "delete from identity.invitations where (tenant_id, invitation_id) in
           (select tenant_id, invitation_id from identity.invitations
            where accepted_at is null and expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(oldest)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
