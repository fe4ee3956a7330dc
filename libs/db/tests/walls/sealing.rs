//! Audit entries on the bus.

use auth::action::{project, vm};
use auth::{Caller, Role};
use db::{Ask, AuditEvent, AuditOutcome, Db, Done, Reason, Status, Subject};
use ids::{EventId, RequestId, TenantId, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use testkit::{Bench, TestTenant};

use crate::keys::process;

const CANARY: &str = "canary-5f1c";

#[derive(Serialize)]
struct Thing {
    name: &'static str,
}

impl Subject for Thing {
    fn object(&self) -> String {
        format!("vm:{CANARY}")
    }
}

fn caller(tenant: &TestTenant, user: UserId) -> Caller {
    let bindings = tenant.caller(Role::Owner).bindings().to_vec();
    Caller::newcomer(
        tenant.id,
        user,
        bindings,
        Some([198, 51, 100, 77].into()),
        RequestId::mint(),
    )
}

async fn act(db: &Db, caller: &Caller) -> Result<(), db::Exit> {
    let tx = db.change::<vm::Modify>(Ask::plain(caller.clone())).await?;
    tx.finish(Status::Ok, db::Created(Thing { name: CANARY })).await?;
    Ok(())
}

fn entry(caller: &Caller) -> AuditEvent {
    let changes = json!({"name": {"before": null, "after": CANARY}});
    let now = clock::Clock::system().now();
    AuditEvent::of(
        caller,
        now,
        "vm.create",
        format!("vm:{CANARY}"),
        AuditOutcome::Denied,
        changes,
    )
}

struct Row {
    tenant: TenantId,
    id: EventId,
    version: i32,
    data: Value,
}

async fn rows(bench: &Bench) -> Vec<Row> {
    let found: Vec<(TenantId, EventId, i32, Value)> =
        sqlx::query_as("select tenant_id, event_id, version, data from bus.outbox order by xact, seq")
            .fetch_all(&mut bench.superuser().await)
            .await
            .unwrap();
    let row = |(tenant, id, version, data)| Row {
        tenant,
        id,
        version,
        data,
    };
    found.into_iter().map(row).collect()
}

/// The entry of a row that has one.
fn opened(db: &Db, row: &Row) -> Result<AuditEvent, fault::Error> {
    let opened = db::opened(
        db.keyring(),
        (row.tenant, row.id),
        row.version.unsigned_abs(),
        &row.data,
    );
    opened.map(|mut entries| {
        assert_eq!(entries.len(), 1);
        entries.remove(0)
    })
}

#[tokio::test]
async fn t24_nothing_an_entry_tells_lies_open_on_the_bus_whoever_wrote_it() {
    let bench = Bench::new().await;
    let (acme, cold) = (bench.tenant("acme").await, bench.tenant("cold").await);
    let (user, db) = (UserId::mint(), bench.db("identity"));
    let ada = caller(&acme, user);
    act(&db, &ada).await.unwrap();
    db.record::<project::List>(&ada, format!("file:{CANARY}"), json!({"q": CANARY}))
        .await
        .unwrap();
    db.refuse(&ada, "vm.create", format!("vm:{CANARY}"), AuditOutcome::Denied, CANARY)
        .await
        .unwrap();
    let mut tx = db.system(Reason::SignIn).await.unwrap();
    // The keys of one tenant are held, those of the other were never asked for.
    tx.record(acme.id, &entry(&ada)).unwrap();
    tx.record(cold.id, &entry(&caller(&cold, user))).unwrap();
    tx.record(auth::PLATFORM, &entry(&ada)).unwrap();
    tx.commit().await.unwrap();

    let lying = bench.rows("bus.outbox").await;
    assert_eq!(lying.len(), 6);
    for row in &lying {
        for told in [CANARY, &user.to_string(), "198.51.100.77", "vm.", "project", "denied"] {
            assert!(!row.contains(told), "{told}: {row}");
        }
    }
    for row in rows(&bench).await {
        let entry = opened(&db, &row).unwrap();
        assert!(
            entry.object.contains(CANARY) && entry.actor.ends_with(&user.to_string()),
            "{entry:?}"
        );
        assert_eq!(entry.id, row.id);
    }
}

#[tokio::test]
async fn t20_an_entry_opens_in_its_own_row_only() {
    let bench = Bench::new().await;
    let (one, two) = (bench.tenant("one").await, bench.tenant("two").await);
    let db = bench.db("identity");
    for tenant in [&one, &one, &two] {
        act(&db, &caller(tenant, UserId::mint())).await.unwrap();
    }
    let mut tx = db.system(Reason::SignIn).await.unwrap();
    let cold = bench.tenant("cold").await;
    for _ in 0..2 {
        tx.record(cold.id, &entry(&caller(&cold, UserId::mint()))).unwrap();
    }
    tx.commit().await.unwrap();
    db.keys(cold.id).await.unwrap();

    let rows = rows(&bench).await;
    for (at, row) in rows.iter().enumerate() {
        assert!(opened(&db, row).is_ok(), "{at}");
        for (from, other) in rows.iter().enumerate().filter(|(from, _)| *from != at) {
            let moved = Row {
                data: other.data.clone(),
                ..*row
            };
            let error = opened(&db, &moved).unwrap_err();
            assert!(!error.is_temporary(), "{from} in {at}: {error:?}");
        }
        let unmarked = Row {
            version: 1,
            data: row.data.clone(),
            ..*row
        };
        assert!(opened(&db, &unmarked).is_err());
        let sealed = row.data["sealed"].as_str().unwrap();
        for place in (0..sealed.len()).step_by(7) {
            let mut bent = sealed.to_owned().into_bytes();
            bent[place] = if bent[place] == b'A' { b'B' } else { b'A' };
            let bent = Row {
                data: json!({"sealed": String::from_utf8(bent).unwrap()}),
                ..*row
            };
            assert!(opened(&db, &bent).is_err(), "{at}: {place}");
        }
    }
}

#[tokio::test]
async fn rows_from_before_entries_were_sealed_are_read() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let old = entry(&caller(&acme, UserId::mint()));
    let row = Row {
        tenant: acme.id,
        id: EventId::mint(),
        version: 1,
        data: serde_json::to_value(&old).unwrap(),
    };
    assert_eq!(opened(&bench.db("audit"), &row).unwrap(), old);
}

#[tokio::test]
async fn t22_without_keys_nothing_is_changed_or_read_and_what_was_refused_is_told() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let ada = caller(&acme, UserId::mint());
    bench.db("identity").keys(acme.id).await.unwrap();
    bench
        .alter(
            "update keys.tenant_keys set provider = 'away' where tenant_id = $1",
            acme.id,
        )
        .await;
    let db = process(&bench, "identity");
    let Err(db::Exit::Error(error)) = act(&db, &ada).await else {
        panic!("it must not change")
    };
    assert_eq!(error.kind(), fault::Kind::Unavailable);
    assert!(
        db.record::<project::List>(&ada, "x".to_owned(), json!({}))
            .await
            .is_err()
    );
    assert!(rows(&bench).await.is_empty());
    db.refuse(
        &ada,
        "vm.modify",
        "vm:1".to_owned(),
        AuditOutcome::Failed,
        "unavailable",
    )
    .await
    .unwrap();
    let rows = rows(&bench).await;
    assert_eq!(opened(&db, &rows[0]).unwrap().action, "vm.modify");
    // Nobody else is hurt.
    let other = bench.tenant("other").await;
    act(&db, &caller(&other, UserId::mint())).await.unwrap();
}

#[tokio::test]
async fn t23_that_the_key_ended_can_be_read_without_it() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let ada = caller(&acme, UserId::mint());
    let db = bench.db("identity");
    act(&db, &ada).await.unwrap();
    let mut tx = db
        .change::<auth::action::tenant::Delete>(Ask::plain(ada.clone()))
        .await
        .unwrap();
    let granted = tx.tenant().unwrap();
    tx.end_keys(&granted);
    tx.finish(Status::Ok, Done(Thing { name: "x" })).await.unwrap();
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            acme.id,
        )
        .await;

    let after = process(&bench, "identity");
    act(&after, &ada).await.unwrap();
    let read: Vec<_> = rows(&bench).await.iter().map(|row| opened(&after, row).ok()).collect();
    let actions: Vec<_> = read
        .iter()
        .map(|entry| entry.as_ref().map(|entry| entry.action.as_str()))
        .collect();
    assert_eq!(actions, [None, Some("tenant.delete"), Some("vm.modify")]);
}
