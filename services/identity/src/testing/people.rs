//! People of a tenant, as identity itself would have made them.

use auth::{Binding, Caller, Credential, Moment, Principal, Role, Standing};
use db::Reason;
use ids::{ApiKeyId, BindingId, EventId, FactorId, GroupId, RequestId, RoleId, SessionId, TenantId, UserId};
use secrecy::SecretString;
use serde_json::json;
use testkit::{Client, Reply, TestTenant};

use super::{PASSWORD, Test, settings};
use crate::lookup;
use crate::password::NewPassword;
use crate::person::{DisplayName, Email};
use crate::store;
use crate::store::sealed::{Column, Kept, NEW_EMAIL, OLD_EMAIL, SUBJECT};

/// Somebody with a role on the whole tenant, who can sign in.
pub(crate) struct Person {
    pub id: UserId,
    pub email: String,
    /// Their path below `/users`.
    pub path: String,
    /// Calls as they.
    pub client: Client,
}

impl Test {
    /// Somebody of this name, `<name>@<tenant>.example`.
    pub async fn person(&self, tenant: &TestTenant, name: &str, role: Role) -> Person {
        self.person_called(tenant, name, name, role).await
    }

    pub async fn person_called(&self, tenant: &TestTenant, address: &str, name: &str, role: Role) -> Person {
        let (id, address) = (UserId::mint(), format!("{address}@{}.example", tenant.name));
        let email = Email::check("", &address).unwrap();
        let shown = DisplayName::check("", Some(name), "").unwrap();
        let password = NewPassword::check(&SecretString::from(PASSWORD), &[]).unwrap();
        let hash = settings()
            .hasher()
            .unwrap()
            .turn()
            .unwrap()
            .hash(password)
            .await
            .unwrap();
        let db = self.bench.db("identity");
        let lookup = lookup::read(&db).await.unwrap();
        db.keys(tenant.id).await.unwrap();
        let mut tx = db.system(Reason::Bootstrap).await.unwrap();
        store::people::insert(&mut tx, (tenant.id, id), (&email, &shown), &hash, &lookup)
            .await
            .unwrap();
        store::people::bind(&mut tx, tenant.id, id, role).await.unwrap();
        tx.commit().await.unwrap();
        let bindings = vec![Binding::role(role, None)];
        let caller = Caller::newcomer(tenant.id, id, bindings, None, RequestId::mint());
        Person {
            id,
            email: address,
            path: format!("/api/v1/users/{id}"),
            client: self.client.caller(&caller),
        }
    }

    /// The same person, signed in with their password.
    pub async fn signed_in(&self, person: &Person) -> Client {
        let tokens = self.sign_in(&person.email, PASSWORD).await.expect(200).json;
        self.enter_now(&tokens).await
    }

    /// The same person, whose factor was shown too long ago for guarded actions.
    pub fn stale(&self, tenant: &TestTenant, person: &Person) -> Client {
        let bindings = vec![Binding::role(Role::Owner, None)];
        let standing = Standing {
            step_up_minutes: Some(15),
            ..Standing::of(tenant.id, Principal::User(person.id), bindings, None)
        };
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let credential = Credential::Session(SessionId::mint());
        self.client
            .caller(&standing.caller(credential, &moment, RequestId::mint()).unwrap())
    }

    /// Puts somebody into a new group of this name that carries a built-in role.
    pub async fn join(&self, tenant: &TestTenant, user: UserId, group: &str, carries: &Binding) -> GroupId {
        let id = GroupId::mint();
        let mut sql = self.bench.superuser().await;
        sqlx::query(
            "with made as (insert into identity.groups (tenant_id, group_id, name, created_at, updated_at)
                           values ($1, $2, $3, now(), now())),
                  bound as (insert into identity.role_bindings (tenant_id, binding_id, group_id, role, project_id, created_at)
                            values ($1, $4, $2, $5, $6, now()))
             insert into identity.group_members (tenant_id, group_id, user_id, created_at) values ($1, $2, $7, now())",
        )
        .bind(tenant.id)
        .bind(id)
        .bind(group)
        .bind(BindingId::mint())
        .bind(carries.rights.name())
        .bind(carries.project)
        .bind(user)
        .execute(&mut sql)
        .await
        .unwrap();
        id
    }

    /// Has somebody invite an address: the token, and the invitation's path.
    pub async fn invite(&self, inviter: &Person, email: &str, role: &str) -> (String, String) {
        let body = json!({"email": email, "role": role});
        let made = inviter.client.post("/api/v1/invitations", body).await.expect(201).json;
        let path = format!("/api/v1/invitations/{}", made["invitation"]["id"].as_str().unwrap());
        (made["token"].as_str().unwrap().to_owned(), path)
    }

    /// Accepts an invitation.
    pub async fn accept(&self, token: &str) -> Reply {
        let body = json!({"token": token, "password": PASSWORD});
        self.client.post("/api/v1/auth/accept-invitation", body).await
    }

    /// A role of the tenant's own.
    pub async fn role(&self, tenant: &TestTenant, name: &str, permissions: &[&str]) {
        let permissions: Vec<String> = permissions.iter().map(|&name| name.to_owned()).collect();
        sqlx::query(
            "insert into identity.roles (tenant_id, role_id, name, permissions, created_at, updated_at)
             values ($1, $2, $3, $4, now(), now())",
        )
        .bind(tenant.id)
        .bind(RoleId::mint())
        .bind(name)
        .bind(permissions)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// Gives somebody this role instead of what they had.
    pub async fn rebind(&self, tenant: &TestTenant, user: UserId, role: Role) {
        sqlx::query("update identity.role_bindings set role = $3 where tenant_id = $1 and user_id = $2")
            .bind(tenant.id)
            .bind(user)
            .bind(role.name())
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    /// Somebody may not sign in any more.
    pub async fn switch_off(&self, tenant: TenantId, user: UserId) {
        sqlx::query("update identity.users set enabled = false where tenant_id = $1 and user_id = $2")
            .bind(tenant)
            .bind(user)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    /// Puts a tenant under these rules, as `column = value, …`.
    pub async fn rules(&self, tenant: TenantId, rules: &str) {
        let sql = format!(
            "with made as (insert into identity.policies (tenant_id, created_at, updated_at)
                           values ('{tenant}', now(), now()) on conflict do nothing)
             select"
        );
        let mut connection = self.bench.superuser().await;
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .unwrap();
        let sql = format!("update identity.policies set {rules} where tenant_id = '{tenant}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .unwrap();
    }

    /// Takes what is bound to somebody themself, and whom groups make an owner beside them.
    pub async fn unbind_person(&self, tenant: &TestTenant, user: UserId) {
        sqlx::query(
            "with gone as (delete from identity.group_members where tenant_id = $1 and user_id = $2)
             delete from identity.role_bindings where tenant_id = $1 and user_id = $2",
        )
        .bind(tenant.id)
        .bind(user)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// A key of somebody's.
    pub async fn key_of(&self, tenant: &TestTenant, user: UserId) {
        sqlx::query(
            "insert into identity.api_keys (tenant_id, key_id, user_id, name, secret_hash, created_at, updated_at)
             values ($1, $2, $3, 'laptop', sha256('x'), now(), now())",
        )
        .bind(tenant.id)
        .bind(ApiKeyId::mint())
        .bind(user)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// A second factor of somebody's, and a recovery code.
    pub async fn factor_of(&self, tenant: &TestTenant, user: UserId) {
        sqlx::query(
            "with code as (insert into identity.recovery_codes (tenant_id, user_id, hash, created_at)
                           values ($1, $3, sha256('x'), now()))
             insert into identity.factors (tenant_id, factor_id, user_id, kind, name, sealed, created_at, updated_at)
             values ($1, $2, $3, 'totp', 'phone', 'x', now(), now())",
        )
        .bind(tenant.id)
        .bind(FactorId::mint())
        .bind(user)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// A further factor of theirs, as a release before this one wrote it.
    pub async fn factor_again(&self, tenant: &TestTenant, user: UserId) {
        let sql =
            "insert into identity.factors (tenant_id, factor_id, user_id, kind, name, sealed, created_at, updated_at)
                   select $1, $2, $3::uuid, 'totp', 'phone', 'x', now(), now()";
        let factor = FactorId::mint().as_uuid();
        self.bench.seed(sql, tenant.id, factor, &user.to_string()).await;
    }

    /// Address and name of somebody, as their row keeps them.
    pub async fn kept(&self, tenant: &TestTenant, user: UserId, email: &str, name: &str) -> Kept {
        let db = self.bench.db("identity");
        let (keys, lookup) = (db.keys(tenant.id).await.unwrap(), lookup::read(&db).await.unwrap());
        let (email, name) = (Email::check("", email), DisplayName::check("", Some(name), ""));
        Kept::of(&keys, &lookup, user, (&email.unwrap(), &name.unwrap())).unwrap()
    }

    /// Another address that somebody has asked for.
    pub async fn email_change_of(&self, tenant: &TestTenant, user: UserId) {
        let (keys, id) = (
            self.bench.db("identity").keys(tenant.id).await.unwrap(),
            EventId::mint(),
        );
        let seal = |column: Column, email| column.seal(&keys, id.as_uuid(), email).unwrap();
        sqlx::query(
            "insert into identity.email_changes (tenant_id, change_id, user_id, old_sealed, new_sealed, token_hash, undo_hash,
                                                 expires_at, created_at, old_mark)
             values ($1, $2, $3, $4, $5, sha256('x'), sha256('y'), now(), now(), substr(sha256('z'), 1, 16))",
        )
        .bind(tenant.id)
        .bind(id)
        .bind(user)
        .bind(seal(OLD_EMAIL, "old@example.com"))
        .bind(seal(NEW_EMAIL, "new@example.com"))
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// A provider, and who somebody is there.
    pub async fn identity_of(&self, tenant: &TestTenant, user: UserId) {
        let db = self.bench.db("identity");
        let (keys, id) = (db.keys(tenant.id).await.unwrap(), ids::ExternalIdentityId::mint());
        sqlx::query(
            "with provider as (
                 insert into identity.identity_providers (tenant_id, provider_id, name, display_name, issuer, client_id, scopes,
                        enabled, create_users, created_at, updated_at)
                 values ($1, $2, 'corporate', 'Corporate', 'https://id.example', 'yunshu', '{}', true, false, now(), now()))
             insert into identity.external_identities (tenant_id, identity_id, provider_id, subject_sealed, user_id, created_at, subject_mark)
             values ($1, $3, $2, $5, $4, now(), substr(sha256('x'), 1, 16))",
        )
        .bind(tenant.id)
        .bind(ids::IdentityProviderId::mint())
        .bind(id)
        .bind(user)
        .bind(SUBJECT.seal(&keys, id.as_uuid(), "known-as").unwrap())
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// Every table, with its schema.
    pub async fn tables(&self) -> Vec<String> {
        sqlx::query_scalar(
            "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.relkind = 'r' and n.nspname in ('identity', 'bus', 'audit', 'notify') order by 1",
        )
        .fetch_all(&mut self.bench.superuser().await)
        .await
        .unwrap()
    }
}
