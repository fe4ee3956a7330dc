//! What keeps the gateway from starting, and what it says then.

use auth::passport::Key;
use cache::Cache;
use clock::Clock;
use gateway::{Deps, Gateway, Settings, Upstreams};

use crate::stack::{ISSUER, Stack, settings};

fn refusal(settings: Settings, upstreams: Upstreams) -> String {
    let pki = settings.pki.clone();
    let deps = Deps {
        upstreams,
        passport_key: Key::random(),
        issuer: ISSUER.to_owned(),
        openapi: serde_json::Value::Null,
        clock: Clock::system(),
        mesh: None,
        cache: Cache::process(Clock::system()),
    };
    let said = Gateway::build(settings, deps).err().expect("refused").to_string();
    let _ = std::fs::remove_dir_all(pki);
    said
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_start_with_its_mend() {
    let mut open = settings();
    open.plain = Some(([0, 0, 0, 0], 0).into());
    assert!(refusal(open, Upstreams::default()).contains("loopback only"));

    let stack = Stack::start();
    let mut taken = settings();
    taken.tls = stack.tls;
    let said = refusal(taken, Upstreams::default());
    assert!(
        said.contains(&stack.tls.to_string()) && said.contains("gateway.tls"),
        "{said}"
    );

    let upstreams = Upstreams {
        audit: vec!["ftp://127.0.0.1".parse().unwrap()],
        ..Upstreams::default()
    };
    assert!(refusal(settings(), upstreams).contains("http://127.0.0.1:port"));
}
