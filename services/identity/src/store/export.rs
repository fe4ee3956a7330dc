//! Everything held on one person, as it is held, but for secrets and their hashes.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Result};
use ids::{
    ApiKeyId, BindingId, ExternalIdentityId, FactorId, GroupId, InvitationId, OperatorAccessId, ProjectId, SessionId,
};
use ipnetwork::IpNetwork;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::factors;
use crate::store::places::{self, SealedHeard};
use crate::user::User;

macro_rules! rows {
    ($tx:ident, $user:ident, $sql:literal) => {
        sqlx::query_as($sql)
            .bind($user.tenant)
            .bind($user.id)
            .fetch_all($tx.sql())
            .await?
    };
}

mod addresses;

/// A role that is bound to the person, or to a group they are in.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldBinding {
    /// Its id.
    pub id: BindingId,
    /// The role's name.
    #[schema(example = "viewer")]
    pub role: String,
    /// The group it is bound to; none: the person.
    pub group_id: Option<GroupId>,
    /// The project it is for; none: the whole tenant.
    pub project_id: Option<ProjectId>,
    /// It counts before that time.
    pub until: Option<DateTime<Utc>>,
    /// It counts from these networks; none: from anywhere.
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24"]))]
    pub networks: Vec<IpNetwork>,
    /// It counts so many minutes after a factor was shown.
    #[schema(example = 15)]
    pub factor_minutes: Option<i16>,
    /// When it was bound.
    pub created_at: DateTime<Utc>,
}

/// A group the person is in.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    #[schema(example = "developers")]
    pub name: String,
    /// Since when they are in it.
    pub joined_at: DateTime<Utc>,
}

/// One of the person's sessions.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldSession {
    /// Its id.
    pub id: SessionId,
    /// From where it was begun.
    #[schema(example = "192.0.2.7")]
    #[sqlx(skip)]
    pub address: Option<String>,
    /// From where it was last heard.
    #[schema(example = "192.0.2.7")]
    #[sqlx(skip)]
    pub used_from: Option<String>,
    /// From where it was last renewed.
    #[schema(example = "192.0.2.7")]
    #[sqlx(skip)]
    pub rotated_from: Option<String>,
    /// What the client called itself.
    #[schema(example = "Mozilla/5.0")]
    #[sqlx(skip)]
    pub agent: String,
    /// How the person proved who they are (RFC 8176).
    #[schema(example = json!(["pwd"]))]
    pub methods: Vec<String>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: DateTime<Utc>,
    /// When it ends without use.
    pub expires_at: DateTime<Utc>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Why it was ended.
    #[schema(example = "logout")]
    pub revoked_why: Option<String>,
}

/// A place the person has signed in from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldAddress {
    /// An IPv4 address, or the /64 of an IPv6 one.
    #[schema(example = "192.0.2.7")]
    pub address: String,
    /// When they last did.
    pub used_at: DateTime<Utc>,
}

/// One of the person's API keys.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What the person calls it.
    #[schema(example = "laptop")]
    pub name: String,
    /// The only actions it is good for; none: all that the person may do.
    #[schema(example = json!(["vm.read"]))]
    pub scopes: Option<Vec<String>>,
    /// The only project it is good for.
    pub project_id: Option<ProjectId>,
    /// The only networks it is good from; none: any.
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24"]))]
    pub networks: Vec<IpNetwork>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used.
    pub used_at: Option<DateTime<Utc>>,
    /// From where it was last used.
    #[schema(example = "192.0.2.7")]
    #[sqlx(skip)]
    pub used_from: Option<String>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// The invitation the person came by.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldInvitation {
    /// Its id.
    pub id: InvitationId,
    /// The address that was invited.
    #[schema(example = "grace@example.com")]
    pub email: String,
    /// The role that was offered.
    #[schema(example = "operator")]
    pub role: String,
    /// The project it was offered in.
    pub project_id: Option<ProjectId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
}

/// An operator of the platform whom the person has let in, or refused.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldDecision {
    /// The access that was asked for.
    pub id: OperatorAccessId,
    /// `granted` or `refused`.
    #[schema(example = "granted")]
    pub decision: String,
    /// When they decided.
    pub decided_at: DateTime<Utc>,
}

/// Something the person proves who they are with. Of the secret nothing is shown.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldFactor {
    /// Its id.
    pub id: FactorId,
    /// What it is.
    #[schema(example = "totp")]
    pub kind: String,
    /// What the person calls it.
    #[schema(example = "phone")]
    #[sqlx(skip)]
    pub name: String,
    /// When they first showed that they have it.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When it was last shown.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// One of the person's recovery codes. Of the code nothing is shown.
#[derive(Debug, Clone, Serialize, sqlx::FromRow, ToSchema)]
pub struct HeldRecoveryCode {
    /// When it was used up.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A change of the person's address that was asked for of late.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldEmailChange {
    /// The address before.
    #[schema(example = "ada@example.com")]
    pub old_email: String,
    /// The address that was asked for.
    #[schema(example = "ada@king.example")]
    pub new_email: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was confirmed.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// When it was undone or overtaken.
    pub void_at: Option<DateTime<Utc>>,
}

/// Who the person is at an identity provider.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldIdentity {
    /// Its id.
    pub id: ExternalIdentityId,
    /// The provider's name.
    #[schema(example = "corporate")]
    pub provider: String,
    /// Its own name for the person.
    #[schema(example = "248289761001")]
    pub subject: String,
    /// When they last signed in by it.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
}

/// All of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Held {
    /// When the password was chosen. Of the password itself nothing is shown.
    pub password_changed_at: Option<DateTime<Utc>>,
    /// The roles bound to them, or to a group they are in.
    pub role_bindings: Vec<HeldBinding>,
    /// The groups they are in.
    pub groups: Vec<HeldGroup>,
    /// Their sessions, those that are over included for as long as they are kept.
    pub sessions: Vec<HeldSession>,
    /// Where they have signed in from.
    pub known_addresses: Vec<HeldAddress>,
    /// Their API keys.
    pub api_keys: Vec<HeldKey>,
    /// The invitation they came by.
    pub invitations: Vec<HeldInvitation>,
    /// What they decided on operators' access.
    pub operator_access: Vec<HeldDecision>,
    /// What they prove who they are with beside the password.
    pub factors: Vec<HeldFactor>,
    /// The numbers that codes are sent to.
    pub phone_numbers: Vec<String>,
    /// Their recovery codes.
    pub recovery_codes: Vec<HeldRecoveryCode>,
    /// Changes of their address that were asked for of late.
    pub email_changes: Vec<HeldEmailChange>,
    /// Who they are at identity providers.
    pub external_identities: Vec<HeldIdentity>,
}

/// Reads all that is held on somebody beside their own record.
pub async fn held<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>, phone_numbers: Vec<String>) -> Result<Held> {
    let changed = sqlx::query_scalar("select changed_at from identity.passwords where tenant_id = $1 and user_id = $2")
        .bind(user.tenant)
        .bind(user.id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(Held {
        password_changed_at: changed,
        role_bindings: bindings(tx, user).await?,
        groups: rows!(
            tx,
            user,
            "select g.group_id as id, g.name, m.created_at as joined_at
             from identity.group_members m join identity.groups g using (tenant_id, group_id)
             where m.tenant_id = $1 and m.user_id = $2 order by g.name"
        ),
        sessions: sessions(tx, user).await?,
        known_addresses: known_addresses(tx, user).await?,
        api_keys: api_keys(tx, user).await?,
        factors: factors(tx, user).await?,
        phone_numbers,
        email_changes: addresses::changes(tx, user).await?,
        recovery_codes: rows!(
            tx,
            user,
            "select used_at, created_at from identity.recovery_codes where tenant_id = $1 and user_id = $2
             order by created_at, used_at"
        ),
        external_identities: addresses::identities(tx, user).await?,
        invitations: addresses::invitations(tx, user).await?,
        operator_access: rows!(
            tx,
            user,
            "select access_id as id, decision, decided_at from identity.operator_access
             where tenant_id = $1 and decided_by = $2 order by access_id"
        ),
    })
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    held: HeldSession,
    #[sqlx(flatten)]
    heard: SealedHeard,
    rotated: bool,
}

/// Their sessions, with what is sealed of them.
async fn sessions<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldSession>> {
    let rows: Vec<SessionRow> = rows!(
        tx,
        user,
        "select session_id as id, address_sealed, used_from_sealed, agent_sealed, rotated_at is not null as rotated, methods,
                created_at, used_at, expires_at, revoked_at, revoked_why
         from identity.sessions where tenant_id = $1 and user_id = $2 order by session_id"
    );
    let keys = tx.keys()?;
    let mut held = Vec::new();
    for row in rows {
        let heard = row.heard.open(keys, row.held.id)?;
        held.push(HeldSession {
            address: heard.begun_from,
            rotated_from: heard.used_from.clone().filter(|_| row.rotated),
            used_from: heard.used_from,
            agent: heard.agent,
            ..row.held
        });
    }
    Ok(held)
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    #[sqlx(flatten)]
    held: HeldKey,
    used_from_sealed: Option<Vec<u8>>,
}

/// Their API keys, with what is sealed of them.
async fn api_keys<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldKey>> {
    let rows: Vec<KeyRow> = rows!(
        tx,
        user,
        "select key_id as id, name, scopes, project_id, networks, expires_at, used_at, used_from_sealed, revoked_at, created_at
         from identity.api_keys where tenant_id = $1 and user_id = $2 order by key_id"
    );
    let keys = tx.keys()?;
    let mut held = Vec::new();
    for row in rows {
        let used_from = places::key_heard_from(keys, row.held.id, row.used_from_sealed.as_deref())?;
        held.push(HeldKey { used_from, ..row.held });
    }
    Ok(held)
}

#[derive(sqlx::FromRow)]
struct FactorRow {
    #[sqlx(flatten)]
    held: HeldFactor,
    name: Option<String>,
    name_sealed: Option<Vec<u8>>,
}

/// What they prove who they are with, with what is sealed of it.
async fn factors<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldFactor>> {
    let rows: Vec<FactorRow> = rows!(
        tx,
        user,
        "select factor_id as id, kind, name, name_sealed, confirmed_at, used_at, created_at
         from identity.factors where tenant_id = $1 and user_id = $2 order by factor_id"
    );
    let keys = tx.keys()?;
    let mut held = Vec::new();
    for row in rows {
        let name = factors::name(keys, row.held.id, (row.name_sealed.as_deref(), row.name))?;
        held.push(HeldFactor { name, ..row.held });
    }
    Ok(held)
}

#[derive(sqlx::FromRow)]
struct AddressRow {
    mark: Vec<u8>,
    address_sealed: Vec<u8>,
    used_at: DateTime<Utc>,
}

/// From where they have signed in.
async fn known_addresses<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldAddress>> {
    let rows: Vec<AddressRow> = rows!(
        tx,
        user,
        "select mark, address_sealed, used_at from identity.known_addresses where tenant_id = $1 and user_id = $2
         order by used_at, mark"
    );
    let keys = tx.keys()?;
    let mut held = Vec::new();
    for row in rows {
        let address = places::known(keys, user.id, &row.mark, &row.address_sealed)?;
        held.push(HeldAddress {
            address,
            used_at: row.used_at,
        });
    }
    Ok(held)
}

/// What is bound to somebody themself, and to groups they are in.
async fn bindings<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldBinding>> {
    Ok(rows!(
        tx,
        user,
        "select b.binding_id as id, coalesce(b.role, r.name) as role, b.group_id, b.project_id, b.until, b.networks,
                b.factor_minutes, b.created_at
         from identity.role_bindings b left join identity.roles r using (tenant_id, role_id)
         where b.tenant_id = $1 and (b.user_id = $2 or b.group_id in
               (select m.group_id from identity.group_members m where m.tenant_id = $1 and m.user_id = $2))
         order by b.binding_id"
    ))
}
