//! Answers to `Idempotency-Key`s hold what people were answered: they are sealed, and kept for a day, in every service.

use actix_web::body::to_bytes;
use actix_web::test::TestRequest;
use actix_web::{Responder, ResponseError};
use auth::action::{tenant, vm};
use auth::{Caller, Role};
use db::{Ask, Created, Db, Exit, IdempotencyKey, Reason, Status, Subject};
use serde::Serialize;
use testkit::Bench;

use crate::keys::process;
use crate::tables::APPS;

const CANARY: &str = "canary-7d02";

#[derive(Serialize)]
struct Thing {
    zebra: &'static str,
    name: &'static str,
}

impl Subject for Thing {
    fn object(&self) -> String {
        "vm:1".to_owned()
    }
}

fn ask(caller: &Caller, key: &str) -> Ask {
    Ask {
        key: IdempotencyKey::parse(key),
        fingerprint: [7; 32],
        ..Ask::plain(caller.clone())
    }
}

/// Asks by this key, and answers with status and body.
async fn act(db: &Db, caller: &Caller, key: &str) -> (u16, String) {
    let acted = async {
        let tx = db.change::<vm::Modify>(ask(caller, key)).await?;
        let thing = Thing {
            zebra: "first",
            name: CANARY,
        };
        tx.finish(Status::Ok, Created(thing)).await
    };
    let answer = match acted.await {
        Ok(answer) => answer.respond_to(&TestRequest::default().to_http_request()),
        Err(exit) => exit.error_response(),
    };
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body()).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn replayed(exit: &Exit) -> bool {
    matches!(exit, Exit::Replay(_))
}

#[tokio::test]
async fn t24_what_was_answered_lies_sealed_in_every_service_and_is_answered_again_byte_for_byte() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let ada = acme.caller(Role::Owner);
    for service in APPS {
        let db = bench.db(service);
        let first = act(&db, &ada, "k").await;
        assert!(first.0 == 200 && first.1.contains(CANARY), "{first:?}");

        let rows = bench.rows(&format!("{service}.replies")).await;
        assert_eq!(rows.len(), 1);
        assert!(!rows[0].contains(CANARY) && rows[0].contains("vm:1"), "{rows:?}");
        // Of bytes, text shows the hexadecimal digits.
        let canary = CANARY
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        assert!(!rows[0].contains(&canary), "{rows:?}");

        assert_eq!(act(&db, &ada, "k").await, first, "{service}");
        let again = db.change::<vm::Modify>(ask(&ada, "k")).await.err().unwrap();
        assert!(replayed(&again), "{again}");
    }
}

#[tokio::test]
async fn t20_an_answer_opens_for_its_own_caller_key_and_service_alone() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let (ada, bob) = (acme.caller(Role::Owner), acme.caller(Role::Owner));
    for service in ["identity", "compute"] {
        let db = bench.db(service);
        for (caller, key) in [(&ada, "a"), (&ada, "b"), (&bob, "a")] {
            act(&db, caller, key).await;
        }
    }
    let moves = [
        "update identity.replies set body_sealed = (select body_sealed from compute.replies where key = 'b') where $1 = tenant_id and key = 'b'",
        "update compute.replies set body_sealed = (select body_sealed from compute.replies where key = 'b') where $1 = tenant_id and key = 'a'",
    ];
    for moved in moves {
        bench.alter(moved, acme.id).await;
    }
    for (service, caller, key, opens) in [
        ("identity", &ada, "a", true),
        ("identity", &bob, "a", true),
        ("identity", &ada, "b", false),
        ("compute", &ada, "b", true),
        ("compute", &ada, "a", false),
        ("compute", &bob, "a", false),
    ] {
        let (status, body) = act(&bench.db(service), caller, key).await;
        assert_eq!(status == 200, opens, "{service} {key}: {status} {body}");
        assert_eq!(body.contains(CANARY), opens, "{service} {key}: {body}");
    }
}

#[tokio::test]
async fn t22_while_the_keys_are_away_nothing_is_answered_again() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let ada = acme.caller(Role::Owner);
    let first = act(&bench.db("identity"), &ada, "k").await;
    let away = "update keys.tenant_keys set provider = 'away-' || provider where tenant_id = $1";
    bench.alter(away, acme.id).await;
    let (status, body) = act(&process(&bench, "identity"), &ada, "k").await;
    assert_eq!(status, 503, "{body}");
    assert!(!body.contains(CANARY), "{body}");
    assert_eq!(act(&process(&bench, "identity"), &ada, "new").await.0, 503);

    let back = "update keys.tenant_keys set provider = replace(provider, 'away-', '') where tenant_id = $1";
    bench.alter(back, acme.id).await;
    assert_eq!(act(&process(&bench, "identity"), &ada, "k").await, first);
}

#[tokio::test]
async fn t23_an_answer_that_nobody_could_read_is_not_kept_and_that_it_was_done_is_told() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let ada = acme.caller(Role::Owner);
    let db = bench.db("identity");
    let mut tx = db.change::<tenant::Delete>(ask(&ada, "last")).await.unwrap();
    let granted = tx.tenant().unwrap();
    tx.end_keys(&granted);
    let thing = Thing {
        zebra: "first",
        name: CANARY,
    };
    tx.finish(Status::Ok, Created(thing)).await.unwrap();
    // One of the release before, whose answer went when answers were sealed.
    act(&db, &ada, "old").await;
    bench
        .alter(
            "update identity.replies set body_sealed = null, object = null, kept = false where tenant_id = $1 and key = 'old'",
            acme.id,
        )
        .await;

    assert!(!bench.rows("identity.replies").await.join("").contains("vm:1"));
    for key in ["last", "old"] {
        let (status, body) = act(&db, &ada, key).await;
        assert_eq!(status, 409, "{key}: {body}");
        assert!(body.contains("not kept any more"), "{body}");
    }
}

#[tokio::test]
async fn every_service_forgets_its_old_replies_and_keeps_the_young() {
    let bench = Bench::new().await;
    let mut owner = bench.superuser().await;
    let schemas: Vec<String> =
        sqlx::query_scalar("select schemaname::text from pg_tables where tablename = 'replies' order by 1")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert!(schemas.len() >= 4, "{schemas:?}");
    for schema in schemas {
        let plant = format!(
            "insert into {schema}.replies (tenant_id, principal, key, fingerprint, created_at)
             select gen_random_uuid(), 'user:someone', hours::text, '', now() - hours * interval '1 hour'
             from unnest(array[1, 23, 25, 26, 1000]) as hours"
        );
        sqlx::query(sqlx::AssertSqlSafe(plant))
            .execute(&mut owner)
            .await
            .unwrap();
        let db = bench.db(&schema);
        let forget = async |at_most| {
            let mut tx = db.system(Reason::Housekeeping).await.unwrap();
            let gone = tx.forget_replies(at_most).await.unwrap();
            tx.commit().await.unwrap();
            gone
        };
        let gone = [forget(2).await, forget(2).await, forget(2).await];
        assert_eq!(gone, [2, 1, 0], "{schema}");
        let left = format!("select key from {schema}.replies order by created_at desc");
        let left: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(left))
            .fetch_all(&mut owner)
            .await
            .unwrap();
        assert_eq!(left, ["1", "23"], "{schema}");
    }
}
