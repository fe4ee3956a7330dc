//! What credentials may do now, of many at once: `identity.sessions`, `account_sessions` and `api_keys` with whom they
//! stand for. Asked for one, it is a list of one: there is one answer to the question.

use std::collections::HashMap;

use auth::{Permissions, Principal, Standing};
use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::{ApiKeyId, ProjectId, ServiceAccountId, SessionId, TenantId, UserId};
use ipnetwork::IpNetwork;

use super::policies::{self, PolicyRow, policy_columns};
use super::rights;
use crate::oauth::{CLI, Scopes};
use crate::policy::Shown;

#[derive(sqlx::FromRow)]
struct SessionRow {
    session_id: SessionId,
    tenant_id: TenantId,
    user_id: UserId,
    factor_at: Option<DateTime<Utc>>,
    scopes: Option<Vec<String>>,
    methods: Vec<String>,
    password_due: bool,
    live: bool,
    has: Vec<String>,
    #[sqlx(flatten)]
    policy: PolicyRow,
}

/// Of people's sessions; those that never were, or are long gone, are missing.
pub async fn sessions(tx: &mut SystemTx, of: &[SessionId]) -> Result<HashMap<SessionId, Standing>> {
    let now = tx.now();
    let rows: Vec<SessionRow> = sqlx::query_as(concat!(
        // A client's session ends with its client.
        "select s.session_id, s.tenant_id, s.user_id, s.factor_at, s.scopes, s.methods, s.password_due,
                (s.revoked_at is null and u.enabled
                 and (s.client_id is null or s.client_id = $3 or coalesce(c.enabled, false))
                 and least(s.expires_at, s.created_at + make_interval(hours => p.session_hours),
                           s.used_at + make_interval(mins => p.session_idle_minutes)) > $2) as live,
                array(select distinct f.kind from identity.factors f
                      where f.tenant_id = s.tenant_id and f.user_id = s.user_id and f.confirmed_at is not null) as has, ",
        policy_columns!(),
        " from identity.sessions s join identity.users u using (tenant_id, user_id)
          left join identity.policies p using (tenant_id)
          left join identity.oauth_clients c on c.tenant_id = s.tenant_id and c.client_id = s.client_id
          where s.session_id = any($1)"
    ))
    .bind(of)
    .bind(now)
    .bind(CLI)
    .fetch_all(tx.sql())
    .await?;
    let holders = rows.iter().map(|row| (row.tenant_id, Principal::User(row.user_id)));
    let carried = rights::carried(tx, holders).await?;
    let standing = |row: SessionRow| {
        let holder = (row.tenant_id, Principal::User(row.user_id));
        let bindings = carried.get(&holder).cloned().unwrap_or_default();
        let policy = row.policy.policy(row.tenant_id);
        let owes = policy.owes(&Shown {
            bindings: &bindings,
            methods: &row.methods,
            has: &row.has,
            password_due: row.password_due,
        });
        let standing = Standing {
            live: row.live,
            scope: row.scopes.and_then(|names| Scopes::stored(names).permissions()),
            step_up_minutes: policy.step_up(),
            owes,
            ..Standing::of(row.tenant_id, holder.1, bindings, row.factor_at)
        };
        (row.session_id, standing)
    };
    Ok(rows.into_iter().map(standing).collect())
}

#[derive(sqlx::FromRow)]
struct MachineRow {
    session_id: SessionId,
    tenant_id: TenantId,
    account_id: ServiceAccountId,
    scopes: Option<Vec<String>>,
    live: bool,
    step_up_minutes: Option<i16>,
}

/// Of machines' sessions; those whose credential is gone are missing.
pub async fn account_sessions(tx: &mut SystemTx, of: &[SessionId]) -> Result<HashMap<SessionId, Standing>> {
    let now = tx.now();
    let rows: Vec<MachineRow> = sqlx::query_as(
        "select s.session_id, s.tenant_id, s.account_id, s.scopes,
                (s.revoked_at is null and s.expires_at > $2 and a.enabled
                 and (c.expires_at is null or c.expires_at > $2)) as live, p.step_up_minutes
         from identity.account_sessions s join identity.account_credentials c using (tenant_id, credential_id)
              join identity.service_accounts a on a.tenant_id = s.tenant_id and a.account_id = s.account_id
              left join identity.policies p on p.tenant_id = s.tenant_id
         where s.session_id = any($1)",
    )
    .bind(of)
    .bind(now)
    .fetch_all(tx.sql())
    .await?;
    let holder = |row: &MachineRow| (row.tenant_id, Principal::ServiceAccount(row.account_id));
    let carried = rights::carried(tx, rows.iter().map(holder)).await?;
    let standing = |row: MachineRow| {
        let holder = holder(&row);
        let bindings = carried.get(&holder).cloned().unwrap_or_default();
        let standing = Standing {
            live: row.live,
            scope: row.scopes.map(Permissions::stored),
            step_up_minutes: policies::step_up(row.tenant_id, row.step_up_minutes),
            // A secret is no factor that somebody shows.
            ..Standing::of(row.tenant_id, holder.1, bindings, None)
        };
        (row.session_id, standing)
    };
    Ok(rows.into_iter().map(standing).collect())
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: ApiKeyId,
    tenant_id: TenantId,
    user_id: Option<UserId>,
    account_id: Option<ServiceAccountId>,
    secret_hash: Vec<u8>,
    scopes: Option<Vec<String>>,
    project_id: Option<ProjectId>,
    networks: Vec<IpNetwork>,
    live: bool,
    step_up_minutes: Option<i16>,
}

impl KeyRow {
    fn holder(&self) -> Option<(TenantId, Principal)> {
        let user = self.user_id.map(Principal::User);
        let holder = user.or_else(|| self.account_id.map(Principal::ServiceAccount));
        holder.map(|holder| (self.tenant_id, holder))
    }
}

/// Of API keys; those that never were are missing.
pub async fn api_keys(tx: &mut SystemTx, of: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Standing>> {
    let now = tx.now();
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select k.key_id, k.tenant_id, k.user_id, k.account_id, k.secret_hash, k.scopes, k.project_id, k.networks,
                (k.revoked_at is null and (k.expires_at is null or k.expires_at > $2)
                 and coalesce(u.enabled, a.enabled, false)) as live, p.step_up_minutes
         from identity.api_keys k left join identity.users u using (tenant_id, user_id)
              left join identity.service_accounts a using (tenant_id, account_id)
              left join identity.policies p using (tenant_id)
         where k.key_id = any($1)",
    )
    .bind(of)
    .bind(now)
    .fetch_all(tx.sql())
    .await?;
    let carried = rights::carried(tx, rows.iter().filter_map(KeyRow::holder)).await?;
    let standing = |row: KeyRow| {
        let holder = row.holder()?;
        let mut bindings = carried.get(&holder).cloned().unwrap_or_default();
        if let Some(project) = row.project_id {
            bindings = bindings
                .into_iter()
                .filter_map(|binding| binding.narrowed(project))
                .collect();
        }
        let standing = Standing {
            live: row.live,
            scope: row.scopes.map(Permissions::stored),
            networks: row.networks,
            secret: row.secret_hash.try_into().ok(),
            step_up_minutes: policies::step_up(row.tenant_id, row.step_up_minutes),
            // A key is no factor that somebody shows.
            ..Standing::of(row.tenant_id, holder.1, bindings, None)
        };
        Some((row.key_id, standing))
    };
    Ok(rows.into_iter().filter_map(standing).collect())
}

/// Of one session, a person's or a machine's.
pub async fn session(tx: &mut SystemTx, session: SessionId) -> Result<Option<Standing>> {
    match sessions(tx, &[session]).await?.remove(&session) {
        Some(standing) => Ok(Some(standing)),
        None => Ok(account_sessions(tx, &[session]).await?.remove(&session)),
    }
}
