//! The log, a witness that shares nothing with it, and two who are shown different histories.

use auth::Role;
use auth::action::vm;
use clock::Clock;
use serde_json::json;
use testkit::{Bench, Client, TestTenant, eventually};
use tlog::bundle::{Trust, What, verify};
use tlog::{PublicKey, Signer};

const FILE: &str = "/api/v1/audit/exports?format=verifiable";

/// A witness of this log in a process's stead: its folder and key are its own.
fn witness(bench: &Bench, folder: &std::path::Path, log: &PublicKey) -> (String, PublicKey) {
    let settings: witness::Settings = serde_json::from_value(json!({
        "listen": "127.0.0.1:0",
        "name": "witness.example/w1",
        "key": folder.join("key"),
        "state": folder.join("state"),
        "logs": [{"origin": "test/audit/*", "keys": [log.to_string()]}],
    }))
    .unwrap();
    let witness = witness::Witness::open(&settings, Clock::system()).unwrap();
    let key = witness.public();
    let listener = std::net::TcpListener::bind(settings.listen).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let data = actix_web::web::Data::new(witness);
    bench.run(witness::server::serve(data, listener, bench.shutdown.clone()));
    (url, key)
}

fn log(bench: &Bench, url: &str, key: &PublicKey, register_only: bool) -> Client {
    let settings: audit::Settings = serde_json::from_value(json!({"log": {
        "pace": {"entries": 1000, "seconds": 0},
        "witnesses": [{"url": url, "key": key.to_string(), "networks": ["127.0.0.0/8"], "register_only": register_only}],
    }}))
    .unwrap();
    let deps = audit::Deps {
        db: bench.db("audit"),
        feed: events::Feed::postgres(),
        key: bench.key.clone(),
        log: audit::Log::new("test/audit", &[7; 32]).unwrap(),
    };
    let service = audit::Service::build(&settings, deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    client
}

#[tokio::test]
async fn t26_of_two_histories_of_one_log_the_witness_lets_one_be_believed() {
    let bench = Bench::new().await;
    let folder = tempfile::tempdir().unwrap();
    let log_key = Signer::from_seed("test/audit", &[7; 32]).unwrap().public();
    let (url, key) = witness(&bench, folder.path(), &log_key);
    let client = log(&bench, &url, &key, false);
    let tenant = bench.tenant("acme").await;
    let owner = client.caller(&tenant.caller(Role::Owner));
    let wrote = async |object: &str| {
        let admin = tenant.caller(Role::Admin);
        let db = bench.db("identity");
        db.record::<vm::Create>(&admin, object.to_owned(), json!({}))
            .await
            .unwrap();
    };
    let trust = |witnesses: Vec<PublicKey>| Trust {
        keys: vec![log_key.clone()],
        witnesses,
        ..Trust::default()
    };

    for number in 1..=3 {
        wrote(&format!("vm:{number}")).await;
    }
    // Asking before there is one is refused, and refusals are entries too: there may be more than three.
    let shown = eventually("a checkpoint that is cosigned", async || {
        let found = owner.get("/api/v1/audit/checkpoints?limit=5").await.expect(200);
        let items = found.json["items"].as_array().unwrap().clone();
        items
            .into_iter()
            .find(|item| item["size"].as_i64() >= Some(3) && item["cosignatures"][0].is_object())
    })
    .await;
    assert_eq!(shown["cosignatures"][0]["witness"], key.to_string());
    let file = owner.get(&format!("{FILE}&action=vm.*")).await.expect(200).text;
    let report = verify(file.as_bytes(), &trust(vec![key.clone()])).unwrap();
    assert_eq!(
        (report.entries, report.cosigned.len(), report.warnings.len()),
        (3, 1, 2)
    );

    // Whoever holds the database and the key of the log signs another history for somebody else.
    let forge = "begin;
        lock table audit.trees, audit.checkpoints, audit.registered, audit.cosignatures in exclusive mode;
        delete from audit.cosignatures;
        delete from audit.registered;
        delete from audit.checkpoints;
        delete from audit.trees;
        delete from audit.tiles;
        update audit.events set actor = 'user:mallory' where seq = 2;
        commit";
    sqlx::raw_sql(forge)
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
    wrote("vm:4").await;
    eventually("the other history to be signed", async || {
        let found = owner.get("/api/v1/audit/checkpoints/latest").await;
        found.json["size"].as_i64().filter(|size| *size > 4)
    })
    .await;
    let forged = owner.get(FILE).await.expect(200).text;
    assert!(
        verify(forged.as_bytes(), &trust(Vec::new())).is_ok(),
        "in itself it is consistent"
    );
    let found = verify(forged.as_bytes(), &trust(vec![key.clone()])).unwrap_err();
    assert_eq!(found.what, What::Witness(key.name().to_owned()));
}

#[tokio::test]
async fn t26_one_cosignature_of_the_register_guards_every_log() {
    let bench = Bench::new().await;
    let folder = tempfile::tempdir().unwrap();
    let log_key = Signer::from_seed("test/audit", &[7; 32]).unwrap().public();
    let (url, key) = witness(&bench, folder.path(), &log_key);
    let client = log(&bench, &url, &key, true);
    let trust = Trust {
        keys: vec![log_key],
        witnesses: vec![key.clone()],
        ..Trust::default()
    };
    let tenants = [bench.tenant("one").await, bench.tenant("two").await];
    for tenant in &tenants {
        let db = bench.db("identity");
        for number in 1..=3 {
            let admin = tenant.caller(Role::Admin);
            db.record::<vm::Create>(&admin, format!("vm:{number}"), json!({}))
                .await
                .unwrap();
        }
    }
    let file = async |tenant: &TestTenant| {
        let owner = client.caller(&tenant.caller(Role::Owner));
        let found = owner.get(&format!("{FILE}&register=true")).await;
        (found.status == 200).then_some(found.text)
    };
    for tenant in &tenants {
        let report = eventually("a file that the witness's word covers", async || {
            verify(file(tenant).await?.as_bytes(), &trust).ok()
        })
        .await;
        assert!(
            report.cosigned.is_empty(),
            "the log itself it was never asked about: {report:?}"
        );
        assert_eq!(report.register.unwrap().cosigned.len(), 1);
        // What is shown of standards counts that word. Asking is an entry too, whose head may be on its way.
        let owner = client.caller(&tenant.caller(Role::Owner));
        let shown = eventually("the control to be met", async || {
            let seen = owner.get("/api/v1/audit/compliance").await.expect(200).json;
            let controls = seen["controls"].as_array().unwrap();
            let control = controls.iter().find(|control| control["id"] == "gdpr-32").unwrap();
            (control["status"] == "met").then(|| control["evidence"]["result"].clone())
        })
        .await;
        assert_eq!(shown, json!({"witnesses": 0, "witnesses_of_register": 1}));
    }

    // Of one of the logs another history is made, and a register that fits it.
    let forge = "begin;
        lock table audit.trees, audit.checkpoints, audit.registered, audit.cosignatures in exclusive mode;
        delete from audit.cosignatures;
        delete from audit.registered;
        delete from audit.blinds;
        delete from audit.register_leaves;
        delete from audit.checkpoints;
        delete from audit.trees;
        delete from audit.tiles;
        update audit.events set actor = 'user:mallory' where seq = 2;
        commit";
    sqlx::raw_sql(forge)
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
    for tenant in &tenants {
        let forged = eventually("the other history to be registered", async || file(tenant).await).await;
        let believing = Trust {
            witnesses: Vec::new(),
            ..trust.clone()
        };
        assert!(
            verify(forged.as_bytes(), &believing).is_ok(),
            "in itself it is consistent"
        );
        let found = verify(forged.as_bytes(), &trust).unwrap_err();
        assert_eq!(found.what, What::Witness(key.name().to_owned()));
    }
}
