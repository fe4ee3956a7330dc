use std::sync::Arc;

use auth::Role;
use ids::{EventId, ExternalIdentityId, IdentityProviderId, InvitationId, UserId};
use testkit::{Bench, Mood, TestTenant, Vault};

use super::*;
use crate::service::{Deps, Service};
use crate::testing::{ISSUER, PASSWORD, Test, settings, start_alone};

const PEOPLE: usize = 12;

/// The worker's state, of a process that answers nobody.
fn worker(bench: &Bench) -> Arc<Identity> {
    let deps = Deps {
        db: bench.db("identity"),
        key: bench.key.clone(),
        kek: bench.kek.clone(),
        issuer: ISSUER.to_owned(),
    };
    Service::build(&settings(), deps).unwrap().state()
}

/// The service without its workers: these do what one does.
async fn alone() -> Test {
    let bench = Bench::new().await;
    let db = bench.db("identity");
    start_alone(bench, db, &settings())
}

/// People as the release before this one left them, with the password of whoever has one; the first of them was invited, has another address
/// underway and is known at a provider.
async fn as_before(test: &Test, tenant: &TestTenant) -> Vec<UserId> {
    let keeper = test.person(tenant, "keeper", Role::Owner).await;
    let mut sql = test.bench.superuser().await;
    let people: Vec<UserId> = (0..PEOPLE).map(|_| UserId::mint()).collect();
    for (at, person) in people.iter().enumerate() {
        sqlx::query(
            "with person as (
                 insert into identity.users (tenant_id, user_id, email, display_name, created_at, updated_at)
                 values ($1, $2, $3, $4, now(), now()))
             insert into identity.passwords (tenant_id, user_id, hash, changed_at)
             select $1, $2, hash, now() from identity.passwords where tenant_id = $1 and user_id = $5",
        )
        .bind(tenant.id)
        .bind(person)
        .bind(format!("canary{at}@{}.example", tenant.name))
        .bind(format!("Canary {at}"))
        .bind(keeper.id)
        .execute(&mut sql)
        .await
        .unwrap();
    }
    sqlx::query(
        "with invitation as (
             insert into identity.invitations (tenant_id, invitation_id, email, token_sha256, role, inviter_id, expires_at,
                                               accepted_at, user_id, created_at, updated_at)
             values ($1, $3, 'canary-invited@example.com', sha256('t'), 'viewer', $2, now(), now(), $2, now(), now())),
         change as (
             insert into identity.email_changes (tenant_id, change_id, user_id, old_email, new_email, token_hash, undo_hash,
                                                 expires_at, created_at)
             values ($1, $4, $2, 'canary-old@example.com', 'canary-new@example.com', sha256('x'), sha256('y'), now(), now())),
         provider as (
             insert into identity.identity_providers (tenant_id, provider_id, name, display_name, issuer, client_id, scopes,
                                                      enabled, create_users, created_at, updated_at)
             values ($1, $5, 'corporate', 'Corporate', 'https://id.example', 'yunshu', '{}', true, false, now(), now()))
         insert into identity.external_identities (tenant_id, identity_id, provider_id, subject, user_id, created_at)
         values ($1, $6, $5, 'canary-subject', $2, now())",
    )
    .bind(tenant.id)
    .bind(people[0])
    .bind(InvitationId::mint())
    .bind(EventId::mint())
    .bind(IdentityProviderId::mint())
    .bind(ExternalIdentityId::mint())
    .execute(&mut sql)
    .await
    .unwrap();
    people
}

const TABLES: [&str; 4] = [
    "identity.users",
    "identity.invitations",
    "identity.email_changes",
    "identity.external_identities",
];

/// How many rows of the tenant still show something.
async fn open_rows(test: &Test, tenant: &TestTenant) -> usize {
    let mut open = 0;
    for table in TABLES {
        let rows = test.bench.rows(table).await;
        let of_tenant = rows.iter().filter(|row| row.contains(&tenant.id.to_string()));
        open += of_tenant.filter(|row| row.to_lowercase().contains("canary")).count();
    }
    open
}

#[tokio::test]
async fn t24_many_workers_and_some_that_die_seal_every_row_once_and_everybody_is_who_they_were() {
    let test = alone().await;
    let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
    let people = as_before(&test, &acme).await;
    as_before(&test, &other).await;
    assert_eq!(open_rows(&test, &acme).await, PEOPLE + 3);
    let worker = worker(&test.bench);
    for round in 0..2 {
        let dying = step(&worker, (acme.id, Table::Users), None, 2);
        tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(Duration::from_millis(round)) => {} }
        let steps = (0..3).map(|_| step(&worker, (acme.id, Table::Users), None, 1));
        for done in futures::future::join_all(steps).await {
            done.unwrap();
        }
    }
    let left = open_rows(&test, &acme).await;
    assert!((4..PEOPLE + 3).contains(&left), "{left}: it is in the middle");
    for _ in 0..2 {
        round(&worker).await.unwrap();
    }
    assert_eq!((open_rows(&test, &acme).await, open_rows(&test, &other).await), (0, 0));

    test.sign_in("canary3@acme.example", PASSWORD).await.expect(200);
    test.sign_in("canary3@other.example", PASSWORD).await.expect(200);
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let found = owner
        .get("/api/v1/users?q=canary&sort=name&limit=100")
        .await
        .expect(200);
    let found = found.json["items"].as_array().unwrap().clone();
    assert_eq!(found.len(), PEOPLE);
    assert_eq!(
        (&found[2]["display_name"], &found[2]["email"]),
        (&"Canary 10".into(), &"canary10@acme.example".into())
    );
    let export = owner
        .get(&format!("/api/v1/users/{}/export", people[0]))
        .await
        .expect(200)
        .json;
    let held = &export["held"];
    assert_eq!(held["invitations"][0]["email"], "canary-invited@example.com");
    assert_eq!(held["external_identities"][0]["subject"], "canary-subject");
    assert_eq!(
        (
            &held["email_changes"][0]["old_email"],
            &held["email_changes"][0]["new_email"]
        ),
        (&"canary-old@example.com".into(), &"canary-new@example.com".into())
    );
}

#[tokio::test]
async fn t22_whose_keys_are_away_stays_as_it_is_and_others_do_not_wait() {
    let test = alone().await;
    let (away, other) = (test.bench.tenant("away").await, test.bench.tenant("other").await);
    let vault = Vault::start("hvs.token").await;
    let owner = test.client.caller(&away.caller(Role::Owner));
    let keeps = serde_json::json!({"url": vault.url(), "key": "kek", "token": "hvs.token"});
    let set = owner
        .request(reqwest::Method::PUT, "/api/v1/tenant/keys/external")
        .json(&keeps);
    owner.send(set).await.expect(200);
    for tenant in [&away, &other] {
        as_before(&test, tenant).await;
    }
    vault.turn(Mood::Denied);
    test.bench.keyring.forget(away.id);
    let worker = worker(&test.bench);
    round(&worker).await.unwrap();
    assert!(!vault.asked().is_empty(), "it was asked");
    assert_eq!(
        (open_rows(&test, &away).await, open_rows(&test, &other).await),
        (PEOPLE + 3, 0)
    );
    vault.turn(Mood::Well);
    test.bench.keyring.forget(away.id);
    round(&worker).await.unwrap();
    assert_eq!(open_rows(&test, &away).await, 0);
}

#[tokio::test]
async fn an_address_that_two_have_stays_in_the_clear_with_the_second_and_the_rest_is_sealed() {
    let test = alone().await;
    let tenant = test.bench.tenant("acme").await;
    as_before(&test, &tenant).await;
    test.person_called(&tenant, "canary5", "First", Role::Viewer).await;
    let worker = worker(&test.bench);
    let mut after = None;
    while let Some(last) = step(&worker, (tenant.id, Table::Users), after, 1).await.unwrap() {
        after = Some(last);
    }
    let open = test.bench.rows("identity.users").await;
    let open: Vec<_> = open.iter().filter(|row| row.contains("canary")).collect();
    assert!(open.len() == 1 && open[0].contains("canary5@"), "{open:?}");
}
