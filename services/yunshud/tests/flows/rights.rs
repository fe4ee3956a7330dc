//! What a role binding carries at the gateway, where its conditions are judged.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::eventually;

use crate::through_the_gateway::{Cloud, PASSWORD, Session};

/// An owner, and a second person of the same tenant who carries nothing yet.
struct Two {
    cloud: Cloud,
    owner: Session,
    guest: Session,
    guest_id: String,
}

impl Two {
    async fn start() -> Self {
        let cloud = Cloud::start().await;
        let owner = cloud.sign_up("acme").await;
        let (_, me) = cloud.ask(Method::GET, "/me", Some(&owner.access), None).await;
        let tenant = me["tenant"]["id"].as_str().unwrap().parse().unwrap();
        let invited = json!({"email": "guest@acme.example", "role": "viewer"});
        let (status, invited) = cloud
            .ask(Method::POST, "/invitations", Some(&owner.access), Some(invited))
            .await;
        assert_eq!(status, 201, "{invited}");
        let accepted = json!({"token": invited["token"], "password": PASSWORD});
        let (status, accepted) = cloud
            .ask(Method::POST, "/auth/accept-invitation", None, Some(accepted))
            .await;
        assert_eq!(status, 201, "{accepted}");
        // They begin with nothing.
        let theirs = "delete from identity.role_bindings where tenant_id = $1 and role = 'viewer'";
        cloud.bench.alter(theirs, tenant).await;
        let guest = cloud.sign_in("guest@acme.example").await;
        let (_, me) = cloud.ask(Method::GET, "/me", Some(&guest.access), None).await;
        let guest_id = me["user"]["id"].as_str().unwrap().to_owned();
        Self {
            cloud,
            owner,
            guest,
            guest_id,
        }
    }

    async fn bind(&self, role: &str, condition: Value) -> Value {
        let body = json!({"subject": {"kind": "user", "id": self.guest_id}, "role": role, "condition": condition});
        let (status, bound) = self
            .cloud
            .ask(Method::POST, "/role-bindings", Some(&self.owner.access), Some(body))
            .await;
        assert_eq!(status, 201, "{bound}");
        bound
    }

    async fn unbind(&self, bound: &Value) {
        let path = format!("/role-bindings/{}", bound["id"].as_str().unwrap());
        let (status, refused) = self
            .cloud
            .ask(Method::DELETE, &path, Some(&self.owner.access), None)
            .await;
        assert_eq!(status, 204, "{refused}");
    }

    async fn looks(&self) -> StatusCode {
        self.cloud
            .ask(Method::GET, "/projects/default", Some(&self.guest.access), None)
            .await
            .0
    }

    async fn sees(&self, what: &str) {
        eventually(what, || async { (self.looks().await == 200).then_some(()) }).await;
    }

    async fn is_blind(&self, what: &str) {
        eventually(what, || async { (self.looks().await == 403).then_some(()) }).await;
    }

    /// What the caller carries on the whole tenant, as they are told.
    async fn roles(&self) -> Value {
        let (_, me) = self.cloud.ask(Method::GET, "/me", Some(&self.guest.access), None).await;
        me["roles"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t18_a_binding_counts_where_and_when_it_says() {
    let two = Two::start().await;
    assert_eq!(two.looks().await, 403, "nothing is bound yet");

    let here = two
        .bind("viewer", json!({"networks": ["127.0.0.0/8", "::1/128"]}))
        .await;
    two.sees("from this network it counts").await;
    assert_eq!(two.roles().await, json!(["viewer"]));
    two.unbind(&here).await;
    two.is_blind("it is gone").await;

    // The second binding is the witness: once it counts, the gateway knows the first as well.
    let elsewhere = two
        .bind("operator", json!({"networks": ["203.0.113.0/24", "2001:db8::/32"]}))
        .await;
    let witness = two.bind("viewer", json!({})).await;
    two.sees("the witness counts").await;
    assert_eq!(two.roles().await, json!(["viewer"]));
    let body = json!({"name": "web", "flavor": "small", "image": "tiny"});
    let (status, refused) = two
        .cloud
        .ask(
            Method::POST,
            "/projects/default/vms",
            Some(&two.guest.access),
            Some(body),
        )
        .await;
    assert_eq!(
        (status.as_u16(), &refused["missing"]),
        (
            403,
            &json!({"permission": "vm.create", "object": "anything here", "roles": ["owner", "admin", "operator", "system_administrator"]})
        )
    );
    two.unbind(&elsewhere).await;
    two.unbind(&witness).await;
    two.is_blind("the witness is gone").await;

    let until = two.cloud.bench.clock.now() + TimeDelta::seconds(8);
    two.bind("viewer", json!({"until": until})).await;
    two.sees("it counts until then").await;
    two.is_blind("and no longer").await;
    assert!(two.cloud.bench.clock.now() >= until);
}
