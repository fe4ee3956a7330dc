//! `identity.challenges`.

use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::{ExternalIdentityId, UserId};

use crate::signin::challenge::{Challenge, Pending};
use crate::signin::{Method, State};
use crate::store::people::Candidate;

#[derive(sqlx::FromRow)]
struct ChallengeRow {
    user_id: UserId,
    secret_hash: Vec<u8>,
    place: Vec<u8>,
    wrong: i16,
    over: bool,
    expires_at: DateTime<Utc>,
}

impl ChallengeRow {
    fn pending(self, first: Method) -> Pending {
        let row = self;
        Pending {
            user: row.user_id,
            first,
            secret_hash: row.secret_hash,
            place: row.place,
            wrong: u8::try_from(row.wrong).unwrap_or(u8::MAX),
            over: row.over,
            expires_at: row.expires_at,
        }
    }
}

/// Keeps a sign-in that waits for its second factor.
pub async fn insert(
    tx: &mut SystemTx,
    challenge: &Challenge,
    of: &Candidate,
    network: &str,
    until: DateTime<Utc>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.challenges (tenant_id, challenge_id, user_id, secret_hash, place, password_changed_at,
                                          created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(challenge.tenant)
    .bind(challenge.id)
    .bind(of.user)
    .bind(challenge.hash())
    .bind(challenge.place(network))
    .bind(of.changed_at)
    .bind(now)
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Keeps a sign-in by a provider that waits for its second factor.
pub async fn insert_external(
    tx: &mut SystemTx,
    challenge: &Challenge,
    (user, identity): (UserId, ExternalIdentityId),
    network: &str,
    until: DateTime<Utc>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.challenges (tenant_id, challenge_id, user_id, secret_hash, place, identity_id, created_at,
                                          expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(challenge.tenant)
    .bind(challenge.id)
    .bind(user)
    .bind(challenge.hash())
    .bind(challenge.place(network))
    .bind(identity)
    .bind(now)
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A sign-in that waits, and its person and password or provider, held until the end of the transaction: its codes are judged one
/// after another, and who is disabled meanwhile is found to be.
pub async fn claim(tx: &mut SystemTx, challenge: &Challenge) -> Result<Option<Pending>> {
    let row: Option<ChallengeRow> = sqlx::query_as(
        "select c.user_id, c.secret_hash, c.place, c.wrong, c.expires_at,
                (c.over_at is not null or not u.enabled or p.changed_at <> c.password_changed_at) as over
         from identity.challenges c join identity.users u using (tenant_id, user_id)
         join identity.passwords p using (tenant_id, user_id)
         where c.tenant_id = $1 and c.challenge_id = $2 for update",
    )
    .bind(challenge.tenant)
    .bind(challenge.id)
    .fetch_optional(tx.sql())
    .await?;
    match row {
        Some(row) => Ok(Some(row.pending(Method::Password))),
        None => claim_external(tx, challenge).await,
    }
}

async fn claim_external(tx: &mut SystemTx, challenge: &Challenge) -> Result<Option<Pending>> {
    let row: Option<ChallengeRow> = sqlx::query_as(
        "select c.user_id, c.secret_hash, c.place, c.wrong, c.expires_at,
                (c.over_at is not null or not u.enabled or not p.enabled) as over
         from identity.challenges c join identity.users u using (tenant_id, user_id)
         join identity.external_identities i using (tenant_id, identity_id)
         join identity.identity_providers p on p.tenant_id = i.tenant_id and p.provider_id = i.provider_id
         where c.tenant_id = $1 and c.challenge_id = $2 for update of c, u",
    )
    .bind(challenge.tenant)
    .bind(challenge.id)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| row.pending(Method::Provider)))
}

/// Keeps where the sign-in stands now.
pub async fn keep(tx: &mut SystemTx, challenge: &Challenge, state: &State) -> Result<()> {
    let now = tx.now();
    let (wrong, over_at) = match state {
        State::Due(due) => (Some(i16::from(due.wrong)), None),
        State::Nobody | State::Known(_) | State::Authenticated(_) | State::Enrolling(_) | State::Over => {
            (None, Some(now))
        }
    };
    sqlx::query(
        "update identity.challenges set wrong = coalesce($3, wrong), over_at = $4
         where tenant_id = $1 and challenge_id = $2",
    )
    .bind(challenge.tenant)
    .bind(challenge.id)
    .bind(wrong)
    .bind(over_at)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// It waits longer, since a code is on its way.
pub async fn prolong(tx: &mut SystemTx, challenge: &Challenge, until: DateTime<Utc>) -> Result<()> {
    sqlx::query("update identity.challenges set expires_at = $3 where tenant_id = $1 and challenge_id = $2")
        .bind(challenge.tenant)
        .bind(challenge.id)
        .bind(until)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Removes some of those that nobody waits for any more; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.challenges where (tenant_id, challenge_id) in
           (select tenant_id, challenge_id from identity.challenges where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
