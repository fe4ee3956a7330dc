use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use auth::Role;
use auth::action::vm;
use chrono::{DateTime, TimeDelta, Utc};
use db::{AuditEvent, AuditOutcome, Reason};
use ids::{EventId, RequestId, SessionId, TenantId, UserId};
use serde_json::{Value, json};
use tlog::breach::{Breach, verify};
use tlog::bundle::Trust;

use crate::testing::{Test, start_paced};
use crate::{entry, store};

const PATH: &str = "/api/v1/audit/compliance/breach";

fn told(time: DateTime<Utc>, actor: &str, (action, object): (&str, &str), ip: IpAddr) -> AuditEvent {
    AuditEvent {
        id: EventId::mint(),
        time,
        actor: actor.to_owned(),
        credential: None,
        action: action.to_owned(),
        object: object.to_owned(),
        outcome: AuditOutcome::Success,
        ip: Some(ip),
        request_id: RequestId::mint(),
        changes: json!({"name": {"before": null, "after": object}}),
    }
}

async fn append(test: &Test, tenant: TenantId, entries: Vec<AuditEvent>) {
    let db = test.bench.db("audit");
    for some in entries.chunks(1_000) {
        db.keys(tenant).await.unwrap();
        let mut tx = db.system(Reason::Consume).await.unwrap();
        let seal = |told: &AuditEvent| {
            let sealed = entry::seal(tx.keys(tenant), tenant, told).unwrap();
            (tenant, told.clone(), sealed)
        };
        let lines: Vec<_> = some.iter().map(seal).collect();
        store::events::append(&mut tx, &lines).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn trust(test: &Test) -> Trust {
    Trust {
        keys: vec![test.log_key.clone()],
        ..Trust::default()
    }
}

fn numbers(file: &str) -> Vec<u64> {
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries = lines.filter(|line| line["type"] == "entry");
    entries.map(|line| line["seq"].as_u64().unwrap()).collect()
}

fn ids(breach: &Breach, kind: &str) -> Vec<String> {
    let of_kind = breach.lines.iter().filter(|line| line["type"] == kind);
    of_kind.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// What the verifier that shares nothing with ours makes of it.
fn second_verifier(file: &str, key: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("breach.ndjson");
    std::fs::write(&path, file).unwrap();
    let python = std::env::var_os("YUNSHU_PYTHON").unwrap_or_else(|| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/verifier/breach.py");
    let done = std::process::Command::new(python)
        .args(["-B", script, "--key", key])
        .arg(&path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(
        !told.contains("Traceback") && !told.contains("ModuleNotFoundError"),
        "{told}"
    );
    done.status.success()
}

/// What was done, and by whom.
struct Crime {
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    eve: UserId,
    session: SessionId,
    /// Whose data it was.
    touched: [UserId; 2],
    /// The numbers of the entries that are theirs.
    planted: Vec<u64>,
    entries: Vec<AuditEvent>,
}

/// An address of nobody, and one that many come from.
const LAIR: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Much that others did, and in it what is to be found.
fn crime() -> Crime {
    let [eve, bob, ann, carol, dan] = [(); 5].map(|()| UserId::mint());
    let session = SessionId::mint();
    let since: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
    let (until, moment) = (since + TimeDelta::days(3), TimeDelta::microseconds(1));
    let inside = since + TimeDelta::days(1);
    let eve_name = format!("user:{eve}");
    let mut entries: Vec<AuditEvent> = (0..9_000_u32)
        .map(|number| {
            let [.., low] = number.to_be_bytes();
            let who = format!("user:{}", if number % 3 == 0 { bob } else { dan });
            let at = inside + TimeDelta::milliseconds(number.into());
            let what = ("vm.read", format!("vm:{number}"));
            told(at, &who, (what.0, &what.1), [198, 51, 100, low].into())
        })
        .collect();
    let read = ("user.read", format!("user:{ann}"));
    let mut bound = told(inside, &eve_name, ("role.bind", "role:owner"), LAIR);
    bound.changes = json!({"user_id": {"before": null, "after": carol}});
    let mut stolen = told(inside, &format!("user:{bob}"), ("vm.delete", "vm:prey"), OFFICE);
    stolen.credential = Some(format!("session:{session}"));
    let theirs = [
        (7, told(inside, &eve_name, (read.0, &read.1), OFFICE)),
        (3_999, bound),
        (4_000, stolen),
        (
            4_001,
            told(inside, "user:nobody", ("session.create", "session:x"), LAIR),
        ),
        (8_999, told(until - moment, &eve_name, ("vm.read", "vm:last"), LAIR)),
    ];
    let planted = theirs.iter().map(|(at, _)| *at as u64 + 1).collect();
    // Before and after the time.
    let beside = [
        (5, told(since - moment, &eve_name, ("vm.read", "vm:before"), LAIR)),
        (6, told(until, &eve_name, ("vm.read", "vm:after"), LAIR)),
    ];
    for (at, entry) in theirs.into_iter().chain(beside) {
        entries[at] = entry;
    }
    Crime {
        since,
        until,
        eve,
        session,
        touched: [ann, carol],
        planted,
        entries,
    }
}

/// The drill: from the question to the file, of a log with much else in it.
#[tokio::test]
async fn a_breach_pack_has_all_that_was_planted_and_nothing_else_well_within_an_hour() {
    let test = start_paced(1_000, 0).await;
    let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
    let crime = crime();
    let Crime { eve, session, .. } = crime;
    let total = i64::try_from(crime.entries.len()).unwrap();
    let abroad = told(crime.since, &format!("user:{eve}"), ("vm.read", "vm:foreign"), LAIR);
    append(&test, tenant.id, crime.entries).await;
    append(&test, other.id, vec![abroad]).await;
    test.signed(&tenant, total).await;

    let started = Instant::now();
    let query = format!(
        "since={}&until={}",
        crime.since.format("%FT%TZ"),
        crime.until.format("%FT%TZ")
    );
    let owner = test.owner(&tenant);
    let path = format!("{PATH}?{query}&actor=user:{eve}&session={session}&ip=203.0.113.9");
    let file = owner.get(&path).await.expect(200);
    assert!(started.elapsed() < Duration::from_mins(10), "{:?}", started.elapsed());
    assert!(file.header("content-disposition").contains("audit.breach.ndjson"));

    assert_eq!(
        numbers(&file.text),
        crime.planted,
        "all that was planted, and nothing else"
    );
    let breach = verify(file.text.as_bytes(), &trust(&test)).unwrap();
    assert_eq!((breach.report.entries, breach.report.withheld), (5, 0));
    let mut touched = crime.touched.map(|who| format!("user:{who}"));
    touched.sort_unstable();
    assert_eq!(ids(&breach, "subject"), touched);
    let objects = ids(&breach, "object");
    assert!(
        objects.contains(&"vm:prey".to_owned()) && objects.len() == 5,
        "{objects:?}"
    );
    assert_eq!(ids(&breach, "address"), ["198.51.100.1", "203.0.113.9"]);
    assert_eq!(ids(&breach, "credential"), [format!("session:{session}")]);
    assert_eq!(breach.lines[0]["suspects"]["actors"], json!([format!("user:{eve}")]));
    assert!(
        !file.text.contains("foreign") && !file.text.contains(&other.id.to_string()),
        "t01"
    );
    // What stands before what sums it up is an export like any other.
    let end = file.text.find("{\"type\":\"breach\"").unwrap();
    tlog::bundle::verify(&file.text.as_bytes()[..end], &trust(&test)).unwrap();
    // And one that lacks an act is not what was signed for.
    let kept = file.text.lines().filter(|line| !line.contains("vm:prey"));
    let without: String = kept.flat_map(|line| [line, "\n"]).collect();
    assert!(verify(without.as_bytes(), &trust(&test)).is_err(), "t25");
    let key = test.log_key.to_string();
    assert!(second_verifier(&file.text, &key), "the second verifier says the same");
    assert!(!second_verifier(&without, &key), "t25");
    let cut = file.text.find("{\"type\":\"signed\"").unwrap();
    assert!(!second_verifier(&file.text[..cut], &key), "t25");
    let log = test.bench.audit(tenant.id).await;
    assert!(
        log.contains(&("audit.list".to_owned(), "success".to_owned())),
        "{log:?}"
    );
}

#[tokio::test]
async fn of_nobody_there_is_a_pack_that_says_so_and_what_cannot_be_is_refused() {
    let test = start_paced(1_000, 0).await;
    let tenant = test.bench.tenant("acme").await;
    let owner = test.owner(&tenant);
    let path = format!("{PATH}?since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z");
    assert_eq!(
        owner.get(&format!("{path}&actor=user:x")).await.expect(409).code(),
        "conflict"
    );
    test.signed(&tenant, 1).await;
    let empty = owner
        .get(&format!("{path}&actor=user:x&ip=192.0.2.1"))
        .await
        .expect(200);
    let breach = verify(empty.text.as_bytes(), &trust(&test)).unwrap();
    assert_eq!((breach.report.entries, &breach.lines[1]["entries"]), (0, &json!(0)));
    for wrong in [
        path.clone(),
        format!("{PATH}?actor=user:x"),
        format!("{path}&ip=here"),
        format!("{path}&actor="),
        format!("{path}&nope=1"),
        format!("{PATH}?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z&actor=a"),
        format!("{PATH}?since=2020-01-01T00:00:00Z&actor=a"),
        format!("{path}&actor={}", ["a"; 21].join(",")),
    ] {
        owner.get(&wrong).await.expect(400);
    }
    test.wrote::<vm::Create>(&tenant.caller(Role::Admin), "vm:one").await;
    let viewer = test.client.caller(&tenant.caller(Role::Viewer));
    viewer.get(&format!("{path}&actor=user:x")).await.expect(403);
}
