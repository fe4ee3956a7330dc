//! The tenant's rules at the gateway: what a session owes is felt by every service alike.

use reqwest::Method;
use serde_json::Value;
use testkit::eventually;

use crate::through_the_gateway::{Cloud, Session};

async fn rules(cloud: &Cloud, owner: &Session, rules: &'static str) {
    let (_, me) = cloud.ask(Method::GET, "/me", Some(&owner.access), None).await;
    let tenant = me["tenant"]["id"].as_str().unwrap().parse().unwrap();
    cloud.bench.alter(rules, tenant).await;
}

/// One path of each service.
const PATHS: [&str; 5] = [
    "/projects",
    "/users",
    "/flavors",
    "/audit/events",
    "/projects/default/vms",
];

async fn told(cloud: &Cloud, session: &Session) -> Vec<(u16, Value)> {
    let mut told = Vec::new();
    for path in PATHS {
        let (status, body) = cloud.ask(Method::GET, path, Some(&session.access), None).await;
        told.push((status.as_u16(), body["code"].clone()));
    }
    told
}

#[tokio::test]
async fn t14_who_owes_a_factor_gets_nothing_from_any_service() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    assert!(told(&cloud, &owner).await.iter().all(|(status, _)| *status == 200));

    let everyone = "insert into identity.policies (tenant_id, second_factor, created_at, updated_at)
                    values ($1, 'everyone', now(), now())";
    rules(&cloud, &owner, everyone).await;
    // A session that is under way feels it as soon as a role change is felt.
    eventually("every service refuses", async || {
        let told = told(&cloud, &owner).await;
        let owed = |(status, code): &(u16, Value)| *status == 403 && code == "factor_enrolment_required";
        told.iter().all(owed).then_some(())
    })
    .await;
    let (status, me) = cloud.ask(Method::GET, "/me", Some(&owner.access), None).await;
    assert_eq!(
        (status.as_u16(), &me["sign_in"]["must_enrol"]),
        (200, &Value::Bool(true))
    );
    let (status, _) = cloud.ask(Method::GET, "/me/mfa", Some(&owner.access), None).await;
    assert_eq!(status, 200, "the way out is open");

    let fresh = cloud.sign_in("owner@acme.example").await;
    assert!(told(&cloud, &fresh).await.iter().all(|(status, _)| *status == 403));

    rules(
        &cloud,
        &owner,
        "update identity.policies set second_factor = 'optional' where tenant_id = $1",
    )
    .await;
    eventually("every service answers again", async || {
        let told = told(&cloud, &owner).await;
        told.iter().all(|(status, _)| *status == 200).then_some(())
    })
    .await;
}
