//! Platform operators' access to the tenant's content, as the tenant sees it: wire types and endpoints.

pub mod approve;
pub mod end;
pub mod list;
pub mod read;
pub mod refuse;

use auth::{AccessKind, Action, Caller, Principal};
use chrono::{DateTime, Utc};
use db::{Granted, Subject};
use fault::Kind;
use ids::{OperatorAccessId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Access, Side, State};
use crate::store;

/// An access' path.
#[derive(Debug, Deserialize)]
pub struct OfAccess {
    /// Id.
    pub access: OperatorAccessId,
}

impl OfAccess {
    /// The access, held until the commit, and the right to do `A` to it.
    async fn hold<A: Action>(&self, tx: &mut db::Change<A>) -> Result<Granted<Access, A>, fault::Error> {
        let tenant = tx.tenant_id();
        let held = store::operator_access::hold(tx, tenant, self.access).await?;
        tx.grant(held.ok_or_else(|| fault::Error::not_found("operator access"))?)
    }
}

/// Consent is somebody's word.
fn decider(caller: &Caller) -> Result<UserId, fault::Error> {
    caller.user().ok_or_else(|| {
        fault::Error::new(
            Kind::Forbidden,
            "Only a person consents or refuses; sign in instead of using a machine's key.",
        )
    })
}

/// How far an access has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessState {
    /// It waits for a decision, a day at most.
    Requested,
    /// It is in force.
    Granted,
    /// The tenant does not consent.
    Refused,
    /// One side has ended it.
    Ended,
    /// Nobody decided in time, or its time is over.
    Expired,
}

impl From<State> for AccessState {
    fn from(state: State) -> Self {
        match state {
            State::Requested => Self::Requested,
            State::Granted => Self::Granted,
            State::Refused => Self::Refused,
            State::Ended => Self::Ended,
            State::Expired => Self::Expired,
        }
    }
}

impl From<AccessState> for State {
    fn from(state: AccessState) -> Self {
        match state {
            AccessState::Requested => Self::Requested,
            AccessState::Granted => Self::Granted,
            AccessState::Refused => Self::Refused,
            AccessState::Ended => Self::Ended,
            AccessState::Expired => Self::Expired,
        }
    }
}

/// Which side has ended an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessSide {
    /// Somebody of the tenant.
    Tenant,
    /// The operator.
    Operator,
}

/// A platform operator's access to a tenant's content.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperatorAccessView {
    /// Its id.
    pub id: OperatorAccessId,
    /// Whose content.
    pub tenant_id: TenantId,
    /// By whose word: the tenant's, or in an emergency a second operator's.
    pub kind: AccessKind,
    /// Who asks: a person of the platform, by an id that stands in the audit log too.
    #[schema(example = "operator:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub operator: String,
    /// Why.
    #[schema(example = "Ticket 4711: a machine that does not start")]
    pub reason: String,
    /// As what they are let in: `viewer`, `auditor` or `operator`.
    #[schema(example = "viewer")]
    pub role: String,
    /// For how many minutes from the decision on.
    #[schema(example = 60)]
    pub minutes: u16,
    /// How far it has come.
    pub state: AccessState,
    /// Who of the tenant has decided. Not told to operators.
    pub decided_by: Option<UserId>,
    /// The second operator, in an emergency.
    #[schema(example = "operator:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b4")]
    pub confirmed_by: Option<String>,
    /// When it was decided on.
    pub decided_at: Option<DateTime<Utc>>,
    /// When it ends by itself; null while it is not granted.
    pub ends_at: Option<DateTime<Utc>>,
    /// When one side ended it.
    pub ended_at: Option<DateTime<Utc>>,
    /// Which side.
    pub ended_by: Option<AccessSide>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl OperatorAccessView {
    /// As the tenant sees it.
    pub fn of(access: &Access) -> Self {
        let named = |operator| Principal::Operator(operator).to_string();
        Self {
            id: access.id,
            tenant_id: access.tenant,
            kind: access.kind,
            operator: named(access.operator),
            reason: access.reason.clone(),
            role: access.role.name().to_owned(),
            minutes: access.minutes,
            state: access.state.into(),
            decided_by: access.decided_by,
            confirmed_by: access.confirmed_by.map(named),
            decided_at: access.decided_at,
            ends_at: access.ends_at,
            ended_at: access.ended_at,
            ended_by: access.ended_by.map(|side| match side {
                Side::Tenant => AccessSide::Tenant,
                Side::Operator => AccessSide::Operator,
            }),
            created_at: access.requested_at,
            updated_at: access.updated_at,
        }
    }

    /// As the platform's operators see it: who works for a tenant is the tenant's content.
    pub fn from_outside(access: &Access) -> Self {
        Self {
            decided_by: None,
            ..Self::of(access)
        }
    }
}

impl Subject for OperatorAccessView {
    fn object(&self) -> String {
        format!("operator_access:{}", self.id)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}-{:?}\"", self.updated_at.timestamp_micros(), self.state))
    }
}

/// Which accesses to list.
#[derive(Debug, Deserialize, Serialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAccess {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    pub page_token: Option<String>,
    /// Only those that have come so far.
    #[param(inline)]
    pub state: Option<AccessState>,
}

#[cfg(test)]
mod tests {
    use auth::passport::Bearer;
    use auth::{PLATFORM, Role};
    use serde_json::json;
    use testkit::{Client, TestTenant};

    use crate::testing::{Test, start};

    /// Lets an operator into a tenant, by its consent: the access, and a client as the gateway hands them over.
    async fn let_in(test: &Test, tenant: &TestTenant, role: &str) -> (String, Client) {
        let owner = test.person(tenant, "owner", Role::Owner).await;
        let access = test.operator("root").await.asks_as(tenant, role, 60).await;
        let approve = format!("/api/v1/operator-access/{access}:approve");
        owner.client.post(&approve, json!({})).await.expect(200);
        let client = test.let_in(&access).await;
        (access, client)
    }

    #[tokio::test]
    async fn t18_each_call_reads_too_is_an_entry_before_it_is_answered() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (access, operator) = let_in(&test, &acme, "auditor").await;
        let before = test.entries(acme.id).await.len();
        let ours = test.entries(PLATFORM).await.len();
        operator.get("/api/v1/projects/default").await.expect(200);
        operator.get("/api/v1/users?limit=5").await.expect(200);
        operator.get("/api/v1/nothing/here").await.expect(404);
        operator
            .post("/api/v1/projects", json!({"name": "mine"}))
            .await
            .expect(403);
        let entries = test.entries(acme.id).await.split_off(before);
        let what: Vec<_> = entries
            .iter()
            .map(|entry| [&entry["action"], &entry["object"], &entry["outcome"]].map(|text| text.as_str().unwrap()))
            .collect();
        assert_eq!(
            what,
            [
                ["tenant_access.use", "path:/api/v1/projects/default", "success"],
                ["tenant_access.use", "path:/api/v1/users", "success"],
                ["tenant_access.use", "path:/api/v1/nothing/here", "success"],
                ["tenant_access.use", "path:/api/v1/projects", "success"],
                ["project.create", "path:/api/v1/projects", "denied"],
            ]
        );
        for entry in &entries {
            let mark = json!({"id": access, "kind": "consent", "reason": "a broken disk"});
            assert_eq!(entry["changes"]["operator_access"], mark, "{entry}");
            assert_eq!(entry["credential"], format!("operator_access:{access}"));
            assert!(entry["actor"].as_str().unwrap().starts_with("operator:"), "{entry}");
        }
        assert_eq!(
            (&entries[1]["changes"]["method"], &entries[1]["changes"]["query"]),
            (&json!("GET"), &json!("limit=5"))
        );
        assert_eq!(
            test.entries(PLATFORM).await.len(),
            ours,
            "consent is the tenant's business"
        );
    }

    #[tokio::test]
    async fn t18_an_emergency_is_in_the_platforms_log_as_well_call_by_call() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (first, second) = (test.operator("root").await, test.operator("toor").await);
        let access = first.opens(&acme).await;
        second.confirms(&access).await.expect(200);
        let operator = test.let_in(&access).await;
        operator.get("/api/v1/projects/default").await.expect(200);
        let (theirs, ours) = (
            test.entries(acme.id).await.pop().unwrap(),
            test.entries(PLATFORM).await.pop().unwrap(),
        );
        assert_eq!(ours["actor"], format!("user:{}", first.id));
        assert_eq!(theirs["actor"], format!("operator:{}", first.id));
        assert_eq!(ours["changes"]["tenant_id"], json!(acme.id));
        for entry in [theirs, ours] {
            assert_eq!(
                (&entry["action"], &entry["object"]),
                (&json!("tenant_access.use"), &json!("path:/api/v1/projects/default"))
            );
            assert_eq!(
                entry["changes"]["operator_access"],
                json!({"id": access, "kind": "break_glass", "reason": "a fire"})
            );
        }
    }

    #[tokio::test]
    async fn t18_what_cannot_be_recorded_does_not_happen() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (_, operator) = let_in(&test, &acme, "operator").await;
        operator.get("/api/v1/projects").await.expect(200);
        let mut sql = test.bench.superuser().await;
        sqlx::query("revoke insert on bus.outbox from yunshu_system")
            .execute(&mut sql)
            .await
            .unwrap();
        let refused = operator.get("/api/v1/projects").await.expect(503);
        assert!(!refused.text.contains("default"), "{}", refused.text);
        sqlx::query("grant insert on bus.outbox to yunshu_system")
            .execute(&mut sql)
            .await
            .unwrap();
        operator.get("/api/v1/projects").await.expect(200);
    }

    #[tokio::test]
    async fn t18_whoever_was_let_in_lets_nobody_in_and_makes_no_key() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let (access, operator) = let_in(&test, &acme, "operator").await;
        let other = test.operator("toor").await.asks(&acme).await;
        for verb in ["approve", "refuse", "end"] {
            for id in [&access, &other] {
                let path = format!("/api/v1/operator-access/{id}:{verb}");
                operator.post(&path, json!({})).await.expect(403);
            }
        }
        for (path, body) in [
            ("/api/v1/me/api-keys", json!({"name": "mine"})),
            ("/api/v1/me/mfa/totp", json!({})),
            ("/api/v1/service-accounts", json!({"name": "mine"})),
            ("/api/v1/system/operator-access", json!({})),
            ("/api/v1/auth/password", json!({})),
        ] {
            operator.post(path, body).await.expect(403);
        }
        operator.get("/api/v1/system/tenants").await.expect(403);
        operator.get("/api/v1/me").await.expect(404);
        assert!(test.access_standing(&access).await.unwrap().live);
        assert!(!test.access_standing(&other).await.unwrap().live);
    }

    #[tokio::test]
    async fn t18_an_access_that_is_not_in_force_is_refused_and_that_is_in_the_log() {
        let test = start().await;
        let operator = test.operator("root").await;
        let caller = auth::Caller::newcomer(
            PLATFORM,
            operator.id,
            vec![auth::Binding::role(Role::PlatformOperator, None)],
            None,
            ids::RequestId::mint(),
        );
        let barred = test.client.bearer(Bearer::Barred(caller));
        for path in ["/api/v1/projects", "/api/v1/system/tenants", "/.well-known/jwks.json"] {
            let refused = barred.get(path).await.expect(403);
            assert!(refused.text.contains("not in force"), "{}", refused.text);
        }
        let mut log = test.bench.audit(PLATFORM).await;
        log.retain(|(action, _)| action != "lookup_key.create");
        assert_eq!(log, vec![("tenant_access.use".to_owned(), "denied".to_owned()); 3]);
    }
}
