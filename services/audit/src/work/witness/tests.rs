use std::collections::HashMap;
use std::sync::Mutex;

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use testkit::Bench;
use tlog::{Checkpoint, Hash, Note, Signer, verify_consistency};

use super::*;
use crate::log::REGISTER;
use crate::settings::WitnessSettings;
use crate::store::checkpoints::Signed;
use crate::work::register;
use crate::work::tests::{audit, settle, signed, write};

/// As much of a witness as the log must get along with; the real one shares nothing with the log, no code either.
struct Stub {
    signer: Signer,
    last: Mutex<HashMap<String, (u64, Hash)>>,
    /// Answers this instead.
    away: Mutex<Option<u16>>,
}

async fn add(stub: Data<Stub>, body: String) -> HttpResponse {
    if let Some(status) = *stub.away.lock().unwrap() {
        return HttpResponse::build(status.try_into().unwrap()).finish();
    }
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let proof: Vec<Hash> = lines.map(|line| line.parse().unwrap()).collect();
    let note = Note::parse(note, tlog::note::Limits::default()).unwrap();
    let new: Checkpoint = note.text.parse().unwrap();
    let mut last = stub.last.lock().unwrap();
    let (size, root) = last.get(&new.origin).copied().unwrap_or((0, Hash::of(b"")));
    if old != size || size == new.size && root != new.root {
        return HttpResponse::Conflict().body(format!("{size}\n"));
    }
    if verify_consistency(size, new.size, &proof, root, new.root).is_err() {
        return HttpResponse::UnprocessableEntity().finish();
    }
    last.insert(new.origin, (new.size, new.root));
    HttpResponse::Ok().body(stub.signer.cosign(&note.text, 1_700_000_000))
}

/// The stub, and how the log knows it.
fn start(bench: &Bench) -> (Data<Stub>, Witness) {
    let signer = Signer::from_seed("witness.example/w1", &[9; 32]).unwrap();
    let key = signer.public_cosigner().to_string();
    let stub = Data::new(Stub {
        signer,
        last: Mutex::default(),
        away: Mutex::default(),
    });
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shared = stub.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/add-checkpoint", web::post().to(add))
    });
    bench.run(server.workers(1).disable_signals().listen(listener).unwrap().run());
    let settings = WitnessSettings {
        url,
        key,
        register_only: false,
        networks: vec!["127.0.0.0/8".parse().unwrap()],
    };
    (stub, Witness::open(&settings).unwrap())
}

async fn ask_all(audit: &Audit, witness: &Witness) -> Contradicted {
    let mut contradicted = Contradicted::default();
    round(audit, witness, &mut contradicted).await.unwrap();
    contradicted
}

fn is_cosigned(signed: &Signed, witness: &Witness) -> bool {
    let note = Note::parse(&signed.whole(), tlog::note::Limits::default()).unwrap();
    note.verify(witness.key()).is_ok()
}

#[tokio::test]
async fn what_was_signed_is_cosigned_step_by_step_by_each_witness() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let ((_one, one), (two, other)) = (start(&bench), start(&bench));
    let tenants = [bench.tenant("one").await.id, bench.tenant("two").await.id];
    for entries in [1, 300, 2] {
        for tenant in tenants {
            write(&audit, tenant, entries).await;
        }
        settle(&audit).await;
        for _ in 0..2 {
            assert!(ask_all(&audit, &one).await.0.is_empty());
        }
        let last = signed(&audit, tenants[1]).await.pop().unwrap();
        assert!(
            is_cosigned(&last, &one) && last.cosigned.len() == 1,
            "run twice is run once"
        );
    }
    assert!(
        signed(&audit, tenants[0])
            .await
            .iter()
            .all(|signed| is_cosigned(signed, &one))
    );
    // One that comes later begins with what is newest then.
    drop(other);
    assert_eq!(two.last.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn t31_a_cosignature_that_was_lost_on_the_way_is_asked_for_again() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let (_stub, witness) = start(&bench);
    let tenant = bench.tenant("acme").await.id;
    let mut sql = bench.superuser().await;
    for entries in [3, 4] {
        write(&audit, tenant, entries).await;
        settle(&audit).await;
        ask_all(&audit, &witness).await;
        // The process died before it kept the answer.
        sqlx::query("delete from audit.cosignatures")
            .execute(&mut sql)
            .await
            .unwrap();
    }
    assert!(ask_all(&audit, &witness).await.0.is_empty());
    assert!(is_cosigned(&signed(&audit, tenant).await.pop().unwrap(), &witness));
}

#[tokio::test]
async fn t40_a_witness_that_is_away_is_asked_again_and_keeps_nobody_waiting() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let (stub, witness) = start(&bench);
    let tenant = bench.tenant("acme").await.id;
    for status in [500, 503, 404, 403] {
        *stub.away.lock().unwrap() = Some(status);
        write(&audit, tenant, 1).await;
        settle(&audit).await;
        let failed = round(&audit, &witness, &mut Contradicted::default()).await;
        assert!(matches!(failed, Err(Error::Witness(witness::Error::Refuses(by))) if by == status));
    }
    assert_eq!(signed(&audit, tenant).await.len(), 4, "signing went on");
    *stub.away.lock().unwrap() = None;
    ask_all(&audit, &witness).await;
    assert!(is_cosigned(&signed(&audit, tenant).await.pop().unwrap(), &witness));
    assert!((1..40).all(|failures| pause(failures) <= LONGEST && pause(failures) >= LOOK));
    assert!((0..100).any(|_| pause(40) > LOOK * 10) && pause(0) == LOOK);
}

#[tokio::test]
async fn t26_over_a_log_that_was_written_anew_no_witness_cosigns_and_the_alarm_is_raised() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let (_stub, witness) = start(&bench);
    let tenant = bench.tenant("acme").await.id;
    write(&audit, tenant, 5).await;
    settle(&audit).await;
    assert!(ask_all(&audit, &witness).await.0.is_empty());

    // Whoever holds the database and the key writes another history: shorter, as long, longer.
    let mut sql = bench.superuser().await;
    for entries in [3, 5, 9] {
        for forget in [
            "delete from audit.cosignatures where tenant_id = $1",
            "delete from audit.checkpoints where tenant_id = $1",
            "delete from audit.events where tenant_id = $1",
            "delete from audit.heads where tenant_id = $1",
            "delete from audit.trees where tenant_id = $1",
            "delete from audit.tiles where tenant_id = $1",
        ] {
            sqlx::query(forget).bind(tenant).execute(&mut sql).await.unwrap();
        }
        write(&audit, tenant, entries).await;
        settle(&audit).await;
        let contradicted = ask_all(&audit, &witness).await;
        assert!(contradicted.0.contains_key(&tenant), "over {entries}");
        assert!(!is_cosigned(&signed(&audit, tenant).await.pop().unwrap(), &witness));
    }
}

#[tokio::test]
async fn t26_a_witness_of_the_register_alone_refuses_another_history_of_any_log() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let (stub, mut witness) = start(&bench);
    witness.register_only = true;
    let tenants = [bench.tenant("one").await.id, bench.tenant("two").await.id];
    for tenant in tenants {
        write(&audit, tenant, 3).await;
    }
    settle(&audit).await;
    while register::round(&audit).await.unwrap() {}
    assert!(ask_all(&audit, &witness).await.0.is_empty());
    assert_eq!(
        stub.last.lock().unwrap().len(),
        1,
        "it is asked about one log, however many there are"
    );
    let newest = signed(&audit, REGISTER).await.pop().unwrap();
    assert!(is_cosigned(&newest, &witness));

    // Whoever holds the database and the key lets one log have another history, and the register with it.
    let mut sql = bench.superuser().await;
    for forget in [
        "delete from audit.cosignatures",
        "delete from audit.registered",
        "delete from audit.blinds",
        "delete from audit.register_leaves",
        "delete from audit.checkpoints",
        "delete from audit.trees",
        "delete from audit.tiles",
        "update audit.events set actor = 'user:mallory' where seq = 2",
    ] {
        sqlx::query(forget).execute(&mut sql).await.unwrap();
    }
    settle(&audit).await;
    while register::round(&audit).await.unwrap() {}
    let contradicted = ask_all(&audit, &witness).await;
    assert!(contradicted.0.contains_key(&REGISTER));
    assert!(!is_cosigned(&signed(&audit, REGISTER).await.pop().unwrap(), &witness));
}
