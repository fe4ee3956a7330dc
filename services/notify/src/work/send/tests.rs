use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use testkit::eventually;

use super::{attempt, claim, deliver};
use crate::delivery::{MOST_ATTEMPTS, Outcome};
use crate::settings::{Settings, WebhookSettings};
use crate::testing::receiver::Receiver;
use crate::testing::sending::{Kept, Sending};
use crate::testing::{Gone, Happened};

fn kept(state: &str, attempts: i32, status: Option<i16>, error: Option<&str>) -> Kept {
    let (state, error) = (state.to_owned(), error.map(str::to_owned));
    Kept {
        state,
        attempts,
        status,
        error,
    }
}

fn seconds(of: TimeDelta) -> Duration {
    of.to_std().unwrap()
}

#[tokio::test]
async fn t33_what_was_sent_by_one_who_died_is_sent_again_under_the_same_id() {
    let test = Sending::new().await;
    let acme = test.bench.tenant("acme").await;
    let (webhook, secret) = test.webhook(&acme, "a", &test.receiver.url("/200")).await;
    let delivery = test.due(&acme, webhook).await;
    // It is sent, and whoever sent it dies before that is written down.
    let lost = claim(&test.notify, &[]).await.unwrap().unwrap();
    assert_eq!(attempt(&test.notify, &lost).await, Outcome::Delivered(200));
    assert!(
        claim(&test.notify, &[]).await.unwrap().is_none(),
        "it is another's for a while"
    );
    assert_eq!(test.kept(delivery).await.state, "pending");
    test.clock.advance(seconds(test.notify.outbound.lease));
    assert!(test.round().await);
    assert_eq!(test.kept(delivery).await, kept("delivered", 2, Some(200), None));
    assert!(!test.round().await);
    let taken = test.receiver.taken();
    let ids: BTreeSet<_> = taken
        .iter()
        .map(|taken| taken.header("webhook-id").to_owned())
        .collect();
    assert_eq!((taken.len(), ids.len()), (2, 1));
    assert!(taken.iter().all(|taken| taken.signed_by(&secret) == [true]));
    // The dead one comes back, and what it has to say is not heard.
    test.receiver.answers("/200", 500);
    deliver(&test.notify, &lost).await.unwrap();
    assert_eq!(test.kept(delivery).await.state, "delivered");
    assert_eq!(test.field(webhook, "failures").await, json!(0));
}

#[tokio::test]
async fn t33_many_who_send_at_once_send_each_delivery_once_and_one_at_a_time_to_a_webhook() {
    let test = Sending::new().await;
    let acme = test.bench.tenant("acme").await;
    let mut deliveries = Vec::new();
    for name in ["a", "b", "c"] {
        let (webhook, _) = test
            .webhook(&acme, name, &test.receiver.url(&format!("/200/{name}")))
            .await;
        for _ in 0..10 {
            deliveries.push(test.due(&acme, webhook).await);
        }
    }
    // One webhook is one claim, however many look for something at the same moment.
    let claims = testkit::race(
        async || (),
        async |()| claim(&test.notify, &[]).await.unwrap().is_some(),
    )
    .await;
    assert_eq!(claims.iter().filter(|had| **had).count(), 3);
    test.clock.advance(seconds(test.notify.outbound.lease));
    for _ in 0..4 {
        test.run(test.another());
    }
    for delivery in deliveries {
        test.eventually_state(delivery, "delivered").await;
    }
    let taken = test.receiver.taken();
    let ids: BTreeSet<_> = taken
        .iter()
        .map(|taken| taken.header("webhook-id").to_owned())
        .collect();
    assert_eq!((taken.len(), ids.len()), (30, 30));
}

async fn hear_all_again(test: &Sending) {
    sqlx::raw_sql("delete from bus.inbox; delete from bus.cursors where consumer = 'webhooks'")
        .execute(&mut test.bench.superuser().await)
        .await
        .unwrap();
    test.hear();
    eventually("heard again", async || {
        let done: i64 = sqlx::query_scalar("select count(*) from bus.inbox where consumer = 'webhooks'")
            .fetch_one(&mut test.bench.superuser().await)
            .await
            .unwrap();
        (done == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_event_is_for_the_webhooks_of_its_tenant_that_want_it_and_once_for_each() {
    let test = Sending::new().await;
    let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
    let url = test.receiver.url("/200");
    let (all, _) = test.webhook(&acme, "all", &url).await;
    let (some, _) = test.webhook(&acme, "some", &url).await;
    let (off, _) = test.webhook(&acme, "off", &url).await;
    let (theirs, _) = test.webhook(&byte, "theirs", &url).await;
    test.bench
        .alter(
            "update notify.webhooks set types = '{vm.deleted}' where tenant_id = $1 and name = 'some'",
            acme.id,
        )
        .await;
    test.bench
        .alter("update notify.webhooks set enabled = false, disabled_reason = 'asked' where tenant_id = $1 and name = 'off'", acme.id)
        .await;
    let hearing = test.hear();
    let db = test.bench.db("compute");
    let mut tx = db.system(db::Reason::Reconcile).await.unwrap();
    tx.emit(acme.id, &Happened::to(acme.project, "one")).unwrap();
    tx.emit(acme.id, &Gone(Happened::to(acme.project, "one"))).unwrap();
    tx.commit().await.unwrap();
    db.record::<auth::action::vm::Read>(&acme.caller(auth::Role::Owner), "vm:audited".into(), json!({}))
        .await
        .unwrap();
    let mut tx = db.system(db::Reason::Reconcile).await.unwrap();
    tx.emit(byte.id, &Happened::to(byte.project, "last")).unwrap();
    tx.commit().await.unwrap();
    eventually("the last", async || {
        (test.all().await.iter().any(|row| row.0 == theirs)).then_some(())
    })
    .await;
    let of = async |webhook| {
        let all = test.all().await;
        let kinds = all.into_iter().filter(|row| row.0 == webhook).map(|row| row.1);
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(of(all).await, ["vm.created", "vm.deleted"], "and no audit entry");
    assert_eq!(of(some).await, ["vm.deleted"]);
    assert_eq!(of(off).await, [""; 0]);
    assert_eq!(of(theirs).await, ["vm.created"]);
    // A consumer that has forgotten what it did, as after a restored backup, does nothing twice.
    hearing.cancel();
    hear_all_again(&test).await;
    assert_eq!(test.all().await.len(), 4);
    // What is told is what happened, and read when it is sent.
    while test.round().await {}
    let told = test.receiver.taken();
    assert_eq!(told.len(), 4);
    let created = told.iter().find(|taken| taken.body["subject"] == "vm:one").unwrap();
    assert_eq!(created.body["specversion"], "1.0");
    assert_eq!(created.body["data"]["id"], "one");
    assert_eq!(created.body["id"], created.header("webhook-id"));
    assert_eq!(
        created.header("content-type"),
        "application/cloudevents+json; charset=utf-8"
    );
    sqlx::raw_sql(
        "update notify.deliveries set state = 'pending', next_at = created_at; delete from bus.outbox;
                   update notify.webhooks set due_at = created_at - interval '1 day' where enabled",
    )
    .execute(&mut test.bench.superuser().await)
    .await
    .unwrap();
    while test.round().await {}
    let expired = test
        .bench
        .dump("notify.deliveries")
        .await
        .matches("event_expired")
        .count();
    assert_eq!(
        (expired, test.receiver.taken().len()),
        (4, 4),
        "what is not kept is not sent"
    );
}

#[tokio::test]
async fn what_fails_is_tried_again_for_days_and_then_given_up() {
    let test = Sending::new().await;
    let acme = test.bench.tenant("acme").await;
    let (webhook, _) = test.webhook(&acme, "a", &test.receiver.url("/503")).await;
    let first = test.due(&acme, webhook).await;
    assert!(test.round().await);
    assert_eq!(
        test.kept(first).await,
        kept("pending", 1, Some(503), Some("not_accepted"))
    );
    assert!(!test.round().await, "not at once");
    test.clock.advance(Duration::from_secs(10));
    assert!(test.round().await);
    assert_eq!(test.kept(first).await.attempts, 2);
    // It comes back: one that arrives makes up for all that failed.
    test.receiver.answers("/503", 204);
    test.clock.advance(Duration::from_mins(1));
    assert!(test.round().await);
    assert_eq!(test.kept(first).await, kept("delivered", 3, Some(204), None));
    assert_eq!(test.field(webhook, "failures").await, json!(0));
    test.receiver.answers("/503", 302);
    let second = test.due(&acme, webhook).await;
    let begin = test.clock.now();
    while test.kept(second).await.state == "pending" {
        test.clock.advance(Duration::from_hours(1));
        test.round().await;
    }
    let most = i32::try_from(MOST_ATTEMPTS).unwrap();
    let took = test.clock.now() - begin;
    assert!(took > TimeDelta::days(1) && took < TimeDelta::days(5), "{took}");
    // Whether it was given up or its webhook disabled first is a matter of chance, within those days.
    let second = test.kept(second).await;
    assert_eq!(
        (second.state.as_str(), second.attempts, second.status),
        ("failed", most, Some(302))
    );
}

#[tokio::test]
async fn a_webhook_that_failed_for_days_or_is_gone_is_disabled_and_the_log_says_so() {
    let test = Sending::new().await;
    let acme = test.bench.tenant("acme").await;
    let (webhook, _) = test.webhook(&acme, "a", &test.receiver.url("/500")).await;
    for _ in 0..9 {
        test.due(&acme, webhook).await;
        test.clock.advance(Duration::from_mins(5));
        test.round().await;
    }
    test.clock.advance(Duration::from_hours(24 * 5));
    assert_eq!(test.field(webhook, "enabled").await, true, "nobody has looked");
    let waits = test.due(&acme, webhook).await;
    test.round().await;
    assert_eq!(test.field(webhook, "enabled").await, false);
    assert_eq!(test.field(webhook, "disabled_reason").await, "failing");
    assert_eq!(test.kept(waits).await.error.as_deref(), Some("webhook_disabled"));
    assert!(!test.round().await);
    let (other, _) = test.webhook(&acme, "b", &test.receiver.url("/410")).await;
    let told = test.due(&acme, other).await;
    test.round().await;
    assert_eq!(
        test.kept(told).await,
        kept("failed", 1, Some(410), Some("not_accepted"))
    );
    assert_eq!(test.field(other, "disabled_reason").await, "gone");
    let said = ("webhook.modify".to_owned(), "success".to_owned());
    assert_eq!(test.bench.audit(acme.id).await, [said.clone(), said]);
    let log = test.bench.dump("bus.outbox").await;
    assert!(log.contains("system:webhooks") && log.contains("failing"), "{log}");
}

#[tokio::test]
async fn t47_receivers_that_never_answer_hold_up_nobody_else() {
    let test = Sending::new().await;
    let (slow, quick) = (test.bench.tenant("slow").await, test.bench.tenant("quick").await);
    let mut hanging = Vec::new();
    for number in 0..20 {
        let url = test.receiver.url(&format!("/never/{number}"));
        let (webhook, _) = test.webhook(&slow, &format!("w{number}"), &url).await;
        for _ in 0..5 {
            hanging.push(test.due(&slow, webhook).await);
        }
    }
    let (webhook, _) = test.webhook(&quick, "a", &test.receiver.url("/200")).await;
    test.run(test.another());
    test.receiver.wait(8).await;
    for _ in 0..5 {
        let delivery = test.due(&quick, webhook).await;
        test.eventually_state(delivery, "delivered").await;
    }
    let taken = test.receiver.taken();
    let waiting = taken.iter().filter(|taken| taken.path.starts_with("/never")).count();
    assert_eq!(waiting, 8, "a tenant has so many on the way and no more");
    for delivery in hanging {
        assert_eq!(test.kept(delivery).await.state, "pending");
    }
}

#[tokio::test]
async fn t50_nothing_inside_is_ever_connected_to_and_the_delivery_tells_nothing_of_it() {
    let receiver = Receiver::start().await;
    let inside = Receiver::start().await;
    // Their ports may be called, and no network is open.
    let closed = Settings {
        webhooks: WebhookSettings {
            ports: vec![80, receiver.port, inside.port],
            plain_http: true,
            ..WebhookSettings::default()
        },
        ..Settings::default()
    };
    let test = Sending::with(&closed, receiver).await;
    let acme = test.bench.tenant("acme").await;
    let port = inside.port;
    // As if each had been written down before the rules were what they are.
    for (number, (url, error)) in [
        (format!("http://127.0.0.1:{port}/"), "address_not_allowed"),
        (
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "address_not_allowed",
        ),
        ("http://[::ffff:10.0.0.1]/".to_owned(), "address_not_allowed"),
        (format!("http://0x7f.1:{port}/"), "address_not_allowed"),
        (format!("http://me@localhost:{port}/"), "address_not_allowed"),
        ("http://public.invalid:6379/".to_owned(), "address_not_allowed"),
        // A name that leads inside is as one that leads nowhere: else names would be a map of the inside.
        (format!("http://localhost:{port}/"), "unreachable"),
        ("http://no-such-name.invalid/".to_owned(), "unreachable"),
    ]
    .into_iter()
    .enumerate()
    {
        let (webhook, _) = test.webhook(&acme, &format!("w{number}"), &url).await;
        let delivery = test.due(&acme, webhook).await;
        assert!(test.round().await);
        assert_eq!(
            test.kept(delivery).await,
            kept("pending", 1, None, Some(error)),
            "{url}"
        );
    }
    assert_eq!(inside.taken().len(), 0, "somebody came where nobody may");
}

#[tokio::test]
async fn t50_a_redirect_is_an_answer_and_not_followed_and_of_a_body_nothing_is_kept() {
    let test = Sending::new().await;
    let inside = Receiver::on("127.0.0.2").await;
    let acme = test.bench.tenant("acme").await;
    let to_inside = test.receiver.url(&format!("/to/{}", inside.port));
    let (webhook, secret) = test.webhook(&acme, "a", &to_inside).await;
    let delivery = test.due(&acme, webhook).await;
    assert!(test.round().await);
    assert_eq!(
        test.kept(delivery).await,
        kept("pending", 1, Some(307), Some("not_accepted"))
    );
    let (webhook, _) = test.webhook(&acme, "b", &test.receiver.url("/500")).await;
    test.due(&acme, webhook).await;
    assert!(test.round().await);
    assert_eq!(inside.taken().len(), 0);
    for table in ["notify.deliveries", "notify.webhooks", "bus.outbox"] {
        let rows = test.bench.dump(table).await;
        assert!(!rows.contains("hidden-body") && !rows.contains(&secret), "{table}");
    }
}
