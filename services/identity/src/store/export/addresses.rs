//! What of an export is sealed by rows of its own: addresses, and what providers call somebody.

use auth::Action;
use chrono::{DateTime, Utc};
use crypto::KeyError;
use db::{Change, Granted, Result};
use ids::{EventId, ExternalIdentityId, InvitationId, ProjectId};

use super::{HeldEmailChange, HeldIdentity, HeldInvitation};
use crate::store::sealed::{INVITED, NEW_EMAIL, OLD_EMAIL, SUBJECT};
use crate::user::User;

#[derive(sqlx::FromRow)]
struct ChangeRow {
    change_id: EventId,
    old_sealed: Option<Vec<u8>>,
    new_sealed: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    void_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct IdentityRow {
    identity_id: ExternalIdentityId,
    provider: String,
    subject_sealed: Option<Vec<u8>>,
    used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    invitation_id: InvitationId,
    email_sealed: Option<Vec<u8>>,
    role: String,
    project_id: Option<ProjectId>,
    created_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
}

/// Changes of the person's address.
pub(super) async fn changes<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldEmailChange>> {
    let rows: Vec<ChangeRow> = rows!(
        tx,
        user,
        "select change_id, old_sealed, new_sealed, created_at, confirmed_at, void_at
         from identity.email_changes where tenant_id = $1 and user_id = $2 order by created_at"
    );
    let keys = tx.keys()?;
    let open = |row: ChangeRow| {
        Ok(HeldEmailChange {
            old_email: OLD_EMAIL.open(keys, row.change_id.as_uuid(), row.old_sealed.as_deref())?,
            new_email: NEW_EMAIL.open(keys, row.change_id.as_uuid(), row.new_sealed.as_deref())?,
            created_at: row.created_at,
            confirmed_at: row.confirmed_at,
            void_at: row.void_at,
        })
    };
    Ok(rows.into_iter().map(open).collect::<Result<_, KeyError>>()?)
}

/// Who the person is at providers.
pub(super) async fn identities<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldIdentity>> {
    let rows: Vec<IdentityRow> = rows!(
        tx,
        user,
        "select i.identity_id, p.name as provider, i.subject_sealed, i.used_at, i.created_at
         from identity.external_identities i join identity.identity_providers p using (tenant_id, provider_id)
         where i.tenant_id = $1 and i.user_id = $2 order by p.name"
    );
    let keys = tx.keys()?;
    let open = |row: IdentityRow| {
        Ok(HeldIdentity {
            id: row.identity_id,
            provider: row.provider,
            subject: SUBJECT.open(keys, row.identity_id.as_uuid(), row.subject_sealed.as_deref())?,
            used_at: row.used_at,
            created_at: row.created_at,
        })
    };
    Ok(rows.into_iter().map(open).collect::<Result<_, KeyError>>()?)
}

/// The invitation that the person came by.
pub(super) async fn invitations<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<HeldInvitation>> {
    let rows: Vec<InvitationRow> = rows!(
        tx,
        user,
        "select i.invitation_id, i.email_sealed, coalesce(i.role, r.name) as role, i.project_id, i.created_at, i.accepted_at
         from identity.invitations i left join identity.roles r using (tenant_id, role_id)
         where i.tenant_id = $1 and i.user_id = $2 order by i.invitation_id"
    );
    let keys = tx.keys()?;
    let open = |row: InvitationRow| {
        Ok(HeldInvitation {
            id: row.invitation_id,
            email: INVITED.open(keys, row.invitation_id.as_uuid(), row.email_sealed.as_deref())?,
            role: row.role,
            project_id: row.project_id,
            created_at: row.created_at,
            accepted_at: row.accepted_at,
        })
    };
    Ok(rows.into_iter().map(open).collect::<Result<_, KeyError>>()?)
}
