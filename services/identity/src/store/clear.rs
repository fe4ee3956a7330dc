//! What rows of people hold in the clear from before it was sealed, or from a release that does not seal. One worker reads it, and nobody else.

use db::{Result, SystemTx};
use ids::TenantId;
use ids::uuid::Uuid;

/// A table with such rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `identity.users`: address and name.
    Users,
    /// `identity.invitations`: the address.
    Invitations,
    /// `identity.email_changes`: the address before and after.
    EmailChanges,
    /// `identity.external_identities`: what the provider calls somebody.
    ExternalIdentities,
}

/// What a row holds in the clear.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Open {
    /// The row's id.
    pub id: Uuid,
    /// What it may be found by.
    pub first: Option<String>,
    /// What else there is.
    pub second: Option<String>,
}

/// The same, sealed.
#[derive(Debug)]
pub struct Closed {
    /// The row's id.
    pub id: Uuid,
    /// What it may be found by.
    pub first: Option<Vec<u8>>,
    /// Its mark.
    pub mark: Option<Vec<u8>>,
    /// What else there is.
    pub second: Option<Vec<u8>>,
}

impl Table {
    /// All, in the order in which they are closed: people first, who cannot sign in before.
    pub const ALL: [Self; 4] = [
        Self::Users,
        Self::ExternalIdentities,
        Self::EmailChanges,
        Self::Invitations,
    ];

    const fn select(self) -> &'static str {
        match self {
            Self::Users => {
                "select user_id as id, email as first, display_name as second from identity.users
                 where tenant_id = $1 and (email is not null or display_name is not null) and ($2::uuid is null or user_id > $2)
                 order by user_id limit $3 for update skip locked"
            }
            Self::Invitations => {
                "select invitation_id as id, email as first, null as second from identity.invitations
                 where tenant_id = $1 and email is not null and ($2::uuid is null or invitation_id > $2)
                 order by invitation_id limit $3 for update skip locked"
            }
            Self::EmailChanges => {
                "select change_id as id, old_email as first, new_email as second from identity.email_changes
                 where tenant_id = $1 and (old_email is not null or new_email is not null) and ($2::uuid is null or change_id > $2)
                 order by change_id limit $3 for update skip locked"
            }
            Self::ExternalIdentities => {
                "select identity_id as id, subject as first, null as second from identity.external_identities
                 where tenant_id = $1 and subject is not null and ($2::uuid is null or identity_id > $2)
                 order by identity_id limit $3 for update skip locked"
            }
        }
    }

    /// A row whose mark another has stays as it is: two releases have each let somebody in with one address, and somebody has to
    /// decide who goes.
    const fn update(self) -> &'static str {
        match self {
            Self::Users => {
                "update identity.users u set email_sealed = coalesce(n.first, u.email_sealed),
                        email_mark = coalesce(n.mark, u.email_mark), name_sealed = coalesce(n.second, u.name_sealed),
                        email = null, display_name = null
                 from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) as n (id, first, mark, second)
                 where u.tenant_id = $1 and u.user_id = n.id and not exists (
                       select from identity.users o where o.tenant_id = $1 and o.email_mark = n.mark and o.user_id <> n.id)"
            }
            Self::Invitations => {
                "update identity.invitations i set email_sealed = n.first, email = null
                 from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) as n (id, first, mark, second)
                 where i.tenant_id = $1 and i.invitation_id = n.id"
            }
            Self::EmailChanges => {
                "update identity.email_changes c set old_sealed = coalesce(n.first, c.old_sealed),
                        old_mark = coalesce(n.mark, c.old_mark), new_sealed = coalesce(n.second, c.new_sealed),
                        old_email = null, new_email = null
                 from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) as n (id, first, mark, second)
                 where c.tenant_id = $1 and c.change_id = n.id"
            }
            Self::ExternalIdentities => {
                "update identity.external_identities i set subject_sealed = n.first, subject_mark = n.mark, subject = null
                 from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[]) as n (id, first, mark, second)
                 where i.tenant_id = $1 and i.identity_id = n.id and not exists (
                       select from identity.external_identities o
                       where o.tenant_id = $1 and o.provider_id = i.provider_id and o.subject_mark = n.mark and o.identity_id <> n.id)"
            }
        }
    }
}

/// The next tenant after this one that has something in the clear.
pub async fn next_tenant(tx: &mut SystemTx, after: Option<TenantId>) -> Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar(
        "select min(tenant_id::text)::uuid from (
             select tenant_id from identity.users
              where (email is not null or display_name is not null) and ($1::uuid is null or tenant_id > $1)
             union all select tenant_id from identity.invitations
              where email is not null and ($1::uuid is null or tenant_id > $1)
             union all select tenant_id from identity.email_changes
              where (old_email is not null or new_email is not null) and ($1::uuid is null or tenant_id > $1)
             union all select tenant_id from identity.external_identities
              where subject is not null and ($1::uuid is null or tenant_id > $1)) as open",
    )
    .bind(after)
    .fetch_one(tx.sql())
    .await?;
    Ok(tenant)
}

/// Some of a tenant's rows that are open, after this one. They are held; what others hold is passed over.
pub async fn open(
    tx: &mut SystemTx,
    tenant: TenantId,
    table: Table,
    (after, limit): (Option<Uuid>, i64),
) -> Result<Vec<Open>> {
    let rows = sqlx::query_as(table.select())
        .bind(tenant)
        .bind(after)
        .bind(limit)
        .fetch_all(tx.sql())
        .await?;
    Ok(rows)
}

/// Keeps what is sealed in place of what is not; answers how many rows are closed by it.
pub async fn close(tx: &mut SystemTx, tenant: TenantId, table: Table, rows: &[Closed]) -> Result<u64> {
    let done = sqlx::query(table.update())
        .bind(tenant)
        .bind(rows.iter().map(|row| row.id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.first.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.mark.as_deref()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.second.as_deref()).collect::<Vec<_>>())
        .execute(tx.sql())
        .await?;
    Ok(done.rows_affected())
}
