//! The access matrix by credential: every operation, with every kind of key, with a tenant's own role, and with what was a
//! credential once or is somebody else's. What is expected follows from the table of actions; which action an operation
//! asks for, it says itself when it refuses.

use auth::action::{Info, named};
use auth::token::{Claims, Jwks, Signer, Verifier};
use auth::{Binding, Caller, Condition, Credential, Level, Moment, Permissions, Principal, Rights, Role, Standing};
use ids::{ApiKeyId, OperatorAccessId, RequestId, ServiceAccountId, SessionId, UserId};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Reply, TestTenant};

use crate::kit::{Op, Services, fill, operations};
use crate::matrix::{CALLERS, is_for_callers, is_open, params};
use crate::through_the_gateway::Cloud;

struct Kit<'a> {
    services: &'a Services,
    tenant: &'a TestTenant,
}

fn permissions(names: &[&str]) -> Permissions {
    Permissions::stored(names.iter().map(|name| (*name).to_owned()).collect())
}

impl Kit<'_> {
    fn caller(
        &self,
        principal: Principal,
        credential: Credential,
        rights: Rights,
        scope: Option<Permissions>,
    ) -> Caller {
        let binding = Binding {
            rights,
            project: None,
            condition: Condition::NONE,
        };
        let standing = Standing {
            scope,
            ..Standing::of(self.tenant.id, principal, vec![binding], None)
        };
        let moment = Moment {
            now: self.services.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        standing.caller(credential, &moment, RequestId::mint()).unwrap()
    }

    /// A key of a person with this role.
    fn key(&self, role: Role, scope: Option<&[&str]>) -> Caller {
        let credential = Credential::ApiKey(ApiKeyId::mint());
        let person = Principal::User(UserId::mint());
        self.caller(person, credential, Rights::Role(role), scope.map(permissions))
    }

    /// A key of a service account with this role.
    fn machine(&self, role: Role) -> Caller {
        let credential = Credential::ApiKey(ApiKeyId::mint());
        let account = Principal::ServiceAccount(ServiceAccountId::mint());
        self.caller(account, credential, Rights::Role(role), None)
    }

    /// An operator of the platform who was let in with this role, as great as none is lent.
    fn let_in(&self, role: Role) -> Caller {
        let credential = Credential::OperatorAccess(OperatorAccessId::mint());
        let operator = Principal::Operator(UserId::mint());
        self.caller(operator, credential, Rights::Role(role), None)
    }

    /// A person, signed in, with a role of the tenant's own.
    fn custom(&self, names: &[&str]) -> Caller {
        let rights = Rights::Custom {
            name: "own".to_owned(),
            permissions: permissions(names),
        };
        let session = Credential::Session(SessionId::mint());
        self.caller(Principal::User(UserId::mint()), session, rights, None)
    }

    async fn call(&self, op: &Op, caller: &Caller) -> Reply {
        self.services.call(op, &params(op), None, Some(caller)).await
    }

    /// The action an operation asks for, from the refusal of a key that is good for nothing.
    async fn action(&self, op: &Op) -> &'static Info {
        let refused = self.call(op, &self.key(Role::Owner, Some(&[]))).await.expect(403);
        let name = refused.json["missing"]["permission"].as_str().unwrap_or_default();
        named(name).unwrap_or_else(|| panic!("{} does not say what it asks for: {}", op.id, refused.text))
    }

    async fn lets_in(&self, op: &Op, action: &Info, caller: &Caller) -> bool {
        let reply = self.call(op, caller).await;
        let status = reply.status.as_u16();
        assert!(
            status != 401 && status != 405 && status < 500,
            "{}: {}",
            op.id,
            reply.text
        );
        !(status == 403 && reply.json["missing"]["permission"] == action.name)
    }
}

/// A role that carries the action, if any person's does.
fn bearer_of(action: &Info) -> Role {
    let carries = |role: &Role| action.roles.contains(Role::Anyone) || action.roles.contains(*role);
    CALLERS.into_iter().find(carries).expect("somebody may do it")
}

#[tokio::test]
async fn each_operation_asks_every_kind_of_credential_for_its_action() {
    let services = Services::start().await;
    let tenant = services.bench.tenant("acme").await;
    let kit = Kit {
        services: &services,
        tenant: &tenant,
    };
    for op in operations().iter().filter(|op| is_for_callers(op)) {
        let action = kit.action(op).await;
        let role = bearer_of(action);
        let other = if action.name == "quota.read" {
            "me.read"
        } else {
            "quota.read"
        };
        let all = format!("{}.*", action.resource);
        let anyone = action.roles.contains(Role::Anyone);
        let rows = [
            ("a key without scopes", kit.key(role, None), !action.by_name),
            ("a machine's key", kit.machine(role), !action.by_name),
            ("an operator let in", kit.let_in(role), !action.by_name),
            ("a key for this action", kit.key(role, Some(&[action.name])), true),
            (
                "a key for all of the resource",
                kit.key(role, Some(&[&all])),
                !action.by_name,
            ),
            ("a key for another action", kit.key(role, Some(&[other])), false),
            (
                "a role of the tenant's own",
                kit.custom(&[action.name]),
                anyone || action.level != Level::Platform,
            ),
            ("another such role", kit.custom(&[other]), anyone),
        ];
        for (what, caller, expected) in rows {
            assert_eq!(kit.lets_in(op, action, &caller).await, expected, "{}: {what}", op.id);
        }
    }
}

/// Tokens like the platform's own, by the key it really signs with.
struct Mint {
    signer: Signer,
    good: Claims,
}

impl Mint {
    async fn of(cloud: &Cloud, token: &str) -> Self {
        let jwks: Jwks = serde_json::from_value(cloud.jwks().await).unwrap();
        let good = Verifier::new(cloud.issuer(), &jwks).check(token).unwrap();
        Self {
            signer: cloud.signer(&jwks.keys[0].kid).await,
            good,
        }
    }

    fn forge(&self, change: impl FnOnce(&mut Claims)) -> String {
        let mut claims = self.good.clone();
        change(&mut claims);
        self.signer.sign(&claims).unwrap()
    }
}

async fn credentials_of_yore(cloud: &Cloud) -> Vec<(&'static str, String)> {
    let owner = cloud.sign_up("acme").await;
    let token = Some(owner.access.as_str());
    let mint = Mint::of(cloud, &owner.access).await;
    assert_eq!(
        cloud.ask(Method::GET, "/me", Some(&mint.forge(|_| {})), None).await.0,
        200,
        "or the others would show nothing"
    );

    let make = async |name: &str| {
        let made = cloud
            .ask(Method::POST, "/me/api-keys", token, Some(json!({"name": name})))
            .await;
        assert_eq!(made.0, 201, "{}", made.1);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&made.1["key"]), text(&made.1["api_key"]["id"]))
    };
    let (expired, _) = make("expired").await;
    cloud
        .bench
        .alter(
            "update identity.api_keys set expires_at = now() - interval '1 minute' where tenant_id = $1 and name = 'expired'",
            mint.good.tenant,
        )
        .await;
    let (revoked, id) = make("revoked").await;
    let gone = cloud
        .ask(Method::DELETE, &format!("/me/api-keys/{id}"), token, None)
        .await;
    assert_eq!(gone.0, 204, "{}", gone.1);
    let over = cloud.sign_in("owner@acme.example").await;
    let ended = cloud.ask(Method::DELETE, "/me/sessions", token, None).await;
    assert!(ended.0.is_success(), "{}", ended.1);

    vec![
        (
            "an expired token",
            mint.forge(|claims| {
                (claims.iat, claims.nbf, claims.exp) = (claims.iat - 900, claims.nbf - 900, claims.exp - 900);
            }),
        ),
        (
            "a token for somebody else",
            mint.forge(|claims| "another".clone_into(&mut claims.aud)),
        ),
        (
            "a token of another session",
            mint.forge(|claims| claims.sid = SessionId::mint()),
        ),
        ("a session that was ended", over.access),
        ("a key that has expired", expired),
        ("a key that was revoked", revoked),
        ("no credential at all", "nonsense".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_what_was_a_credential_once_opens_nothing() {
    let cloud = Cloud::start().await;
    let bad = credentials_of_yore(&cloud).await;
    for op in operations() {
        let Some(path) = fill(&op.path, &params(&op)).strip_prefix("/api/v1").map(str::to_owned) else {
            assert!(is_open(&op), "{}", op.id);
            continue;
        };
        for (what, credential) in &bad {
            let (status, answer) = cloud.ask(op.method.clone(), &path, Some(credential), None).await;
            let refused = status == 401 && answer["code"] == "unauthenticated";
            // What asks for nobody in particular takes no notice of it, and wants a body; but for the question to whoever
            // stands at the door, which lets nobody in.
            let asks_nothing = op.id == "begin_sign_in_with_passkey";
            assert!(
                refused || (is_open(&op) && (status != 200 || asks_nothing)),
                "{} with {what}: {status} {answer}",
                op.id
            );
        }
    }
}
