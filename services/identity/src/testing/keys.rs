//! API keys as the gateway would take them.

use auth::api_key::{self, ApiKey};
use auth::passport::Bearer;
use auth::{Credential, Moment, Standing};
use ids::{BindingId, RequestId, ServiceAccountId};
use serde_json::Value;
use testkit::{Client, TestTenant};

use super::{PASSWORD, Test};

impl Test {
    /// A new tenant of this name, as its owner.
    pub async fn enter_new(&self, tenant: &str) -> Client {
        let owner = self.sign_up(tenant).await;
        let tokens = self.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        self.enter(&tokens).await.unwrap()
    }

    /// Binds a built-in role on the whole tenant to a service account.
    pub async fn bind_account(&self, tenant: &TestTenant, account: &Value, role: &str) {
        let account: ServiceAccountId = account.as_str().unwrap().parse().unwrap();
        sqlx::query(
            "insert into identity.role_bindings (tenant_id, binding_id, account_id, role, created_at)
             values ($1, $2, $3, $4, now())",
        )
        .bind(tenant.id)
        .bind(BindingId::mint())
        .bind(account)
        .bind(role)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    /// From now on nothing asks the people of this tenant for a fresh factor.
    pub async fn never_step_up(&self, tenant: &str) {
        sqlx::query(
            "insert into identity.policies (tenant_id, step_up_minutes, created_at, updated_at)
             select tenant_id, 0, now(), now() from identity.tenants where name = $1",
        )
        .bind(tenant)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }

    pub async fn standing_of_key(&self, id: &str, query: &str) -> Option<Standing> {
        let gateway = self.client.bearer(Bearer::Platform("gateway".to_owned()));
        let answer = gateway.get(&format!("/internal/api-keys/{id}{query}")).await;
        (answer.status != 404).then(|| serde_json::from_value(answer.expect(200).json).unwrap())
    }

    /// Does what the gateway does with an API key that comes from this address. None if it would let nobody through.
    pub async fn enter_by_key(&self, text: &Value, from: &str) -> Option<Client> {
        let key = ApiKey::parse(text.as_str().unwrap())?;
        let proof = api_key::hex(key.hash());
        let query = format!("?proof={proof}&from={from}");
        let standing = self.standing_of_key(&key.id.to_string(), &query).await?;
        assert!(key.is(&standing.secret.unwrap()));
        let moment = Moment {
            now: self.bench.clock.now(),
            address: Some(from.parse().unwrap()),
            factor_at: standing.factor_at,
        };
        let caller = standing.caller(Credential::ApiKey(key.id), &moment, RequestId::mint())?;
        Some(self.client.caller(&caller))
    }
}
