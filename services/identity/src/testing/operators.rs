//! The platform's operators, and what they ask of tenants.

use auth::{Binding, Caller, Moment, PLATFORM, Principal, Role, Standing};
use ids::{ProjectId, RequestId, TenantId, UserId};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestTenant};

use super::Test;

/// A person of the platform.
pub(crate) struct Operator {
    pub id: UserId,
    pub client: Client,
}

fn platform() -> TestTenant {
    TestTenant {
        id: PLATFORM,
        name: "platform".to_owned(),
        project: ProjectId::mint(),
    }
}

impl Test {
    /// An operator with a second factor.
    pub async fn operator(&self, name: &str) -> Operator {
        let operator = self.operator_without_factor(name).await;
        self.factor_of(&platform(), operator.id).await;
        sqlx::query("update identity.factors set confirmed_at = now() where tenant_id = $1 and user_id = $2")
            .bind(PLATFORM)
            .bind(operator.id)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
        operator
    }

    pub async fn operator_without_factor(&self, name: &str) -> Operator {
        let person = self.person(&platform(), name, Role::PlatformOperator).await;
        Operator {
            id: person.id,
            client: person.client,
        }
    }

    /// The same operator, whose factor was shown too long ago.
    pub fn stale_operator(&self, operator: &Operator) -> Client {
        let bindings = vec![Binding::role(Role::PlatformOperator, None)];
        let standing = Standing {
            step_up_minutes: Some(15),
            ..Standing::of(PLATFORM, Principal::User(operator.id), bindings, None)
        };
        self.client.caller(&self.caller_of(&standing))
    }

    pub async fn rebind_operator(&self, operator: &Operator, role: Role) {
        self.rebind(&platform(), operator.id, role).await;
    }

    pub async fn disable_operator(&self, operator: &Operator) {
        sqlx::query("update identity.users set enabled = false where tenant_id = $1 and user_id = $2")
            .bind(PLATFORM)
            .bind(operator.id)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    /// What the gateway is told of an access.
    pub async fn access_standing(&self, access: &str) -> Option<Standing> {
        let gateway = self
            .client
            .bearer(auth::passport::Bearer::Platform("gateway".to_owned()));
        let answer = gateway.get(&format!("/internal/operator-access/{access}")).await;
        (answer.status != 404).then(|| serde_json::from_value(answer.expect(200).json).unwrap())
    }

    /// An operator as the gateway hands them over by an access.
    pub async fn let_in(&self, access: &str) -> Client {
        let standing = self.access_standing(access).await.unwrap();
        self.client.caller(&self.caller_of(&standing))
    }

    fn caller_of(&self, standing: &Standing) -> Caller {
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let credential = standing.access.as_ref().map_or(auth::Credential::None, |access| {
            auth::Credential::OperatorAccess(access.id)
        });
        standing.caller(credential, &moment, RequestId::mint()).unwrap()
    }

    /// An owner's machine whose key has these scopes.
    pub fn machine(&self, tenant: &TestTenant, scopes: &[&str]) -> Client {
        let scope = scopes.iter().map(|name| (*name).to_owned()).collect();
        let account = Principal::ServiceAccount(ids::ServiceAccountId::mint());
        let standing = Standing {
            scope: Some(auth::Permissions::stored(scope)),
            ..Standing::of(tenant.id, account, vec![Binding::role(Role::Owner, None)], None)
        };
        self.client.caller(&self.caller_of(&standing))
    }

    /// The entries that services wrote into a tenant's log, oldest first.
    pub async fn entries(&self, tenant: TenantId) -> Vec<Value> {
        self.bench.entries(tenant).await
    }
}

impl Operator {
    /// Asks to look at a tenant's content for an hour; the access' id.
    pub async fn asks(&self, tenant: &TestTenant) -> String {
        self.asks_as(tenant, "viewer", 60).await
    }

    pub async fn asks_as(&self, tenant: &TestTenant, role: &str, minutes: u16) -> String {
        let body = json!({"tenant_id": tenant.id, "role": role, "reason": "a broken disk", "minutes": minutes});
        let made = self
            .client
            .post("/api/v1/system/operator-access", body)
            .await
            .expect(201);
        made.json["id"].as_str().unwrap().to_owned()
    }

    /// Opens an emergency; the access' id.
    pub async fn opens(&self, tenant: &TestTenant) -> String {
        let body = json!({"tenant_id": tenant.id, "reason": "a fire"});
        let made = self.client.post("/api/v1/system/break-glass", body).await.expect(201);
        made.json["id"].as_str().unwrap().to_owned()
    }

    /// Confirms somebody's emergency.
    pub async fn confirms(&self, access: &str) -> Reply {
        let path = format!("/api/v1/system/break-glass/{access}:confirm");
        self.client.post(&path, json!({})).await
    }
}
