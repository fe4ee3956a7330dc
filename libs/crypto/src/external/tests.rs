use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{KekProvider, Providers, random};

type Spoil = fn(&mut NewExternalKey);
type Answer = fn(&std::net::TcpStream);

fn open() -> ExternalSettings {
    ExternalSettings {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        ports: (1_024..=u16::MAX).collect(),
        roots: None,
        plain_http: true,
    }
}

fn external(settings: ExternalSettings) -> External {
    External::new(settings, Kek::new(random())).unwrap()
}

fn typed(url: &str) -> NewExternalKey {
    NewExternalKey {
        url: url.to_owned(),
        mount: "transit".to_owned(),
        key: "kek-1".to_owned(),
        namespace: None,
        ca: None,
        token: SecretString::from("hvs.canary-of-the-token".to_owned()),
    }
}

#[test]
fn t50_no_address_inside_is_taken_in_any_spelling() {
    let external = external(ExternalSettings::default());
    for url in [
        "https://127.0.0.1",
        "https://127.1:8200",
        "https://2130706433",
        "https://0x7f.1",
        "https://[::1]:8200",
        "https://[::ffff:127.0.0.1]",
        "https://169.254.169.254",
        "https://10.0.0.1:8200",
        "http://127.0.0.1:8200",
        "http://localhost:8200",
        "http://vault.example",
        "https://vault.example:22",
        "https://vault.example:5432",
        "https://me:word@vault.example",
        "https://vault.example/v1/",
        "https://vault.example/?x",
        "ftp://vault.example",
        "vault.example",
        "",
    ] {
        let said = external.keep(TenantId::mint(), &typed(url)).unwrap_err();
        assert_eq!(said.0, "/url", "{url}: {said:?}");
    }
    for url in [
        "https://vault.example",
        "https://vault.example:8200/",
        "https://11.0.0.1",
    ] {
        assert!(external.keep(TenantId::mint(), &typed(url)).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn t50_a_name_that_leads_inside_is_not_connected_to() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    port.set_nonblocking(true).unwrap();
    let settings = ExternalSettings {
        ports: vec![address.port()],
        ..ExternalSettings::default()
    };
    let (external, tenant) = (external(settings), TenantId::mint());
    let url = format!("https://localhost:{}", address.port());
    let key = external.keep(tenant, &typed(&url)).unwrap();
    let said = external
        .provider(tenant, &key)
        .unwrap()
        .wrap(&[7; 32], b"")
        .await
        .unwrap_err();
    assert!(said.to_string().contains("nothing answers there"), "{said}");
    assert!(port.accept().is_err(), "somebody came");
}

#[test]
fn what_is_typed_wrongly_is_named() {
    let external = external(open());
    let tenant = TenantId::mint();
    let spoilt: [(&str, Spoil); 10] = [
        ("/mount", |it| it.mount = "../sys".to_owned()),
        ("/key", |it| it.key = "a/b".to_owned()),
        ("/key", |it| it.key = String::new()),
        ("/namespace", |it| it.namespace = Some("a\r\nx: y".to_owned())),
        ("/token", |it| it.token = SecretString::from(String::new())),
        ("/token", |it| it.token = SecretString::from("a b".to_owned())),
        ("/token", |it| it.token = SecretString::from("t".repeat(1_001))),
        ("/ca", |it| it.ca = Some("garbage".to_owned())),
        ("/ca", |it| {
            it.ca = Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned());
        }),
        ("/ca", |it| it.ca = Some("-----BEGIN CERTIFICATE-----".repeat(2_000))),
    ];
    for (place, spoil) in spoilt {
        let mut key = typed("http://127.0.0.1:8200");
        spoil(&mut key);
        let said = external.keep(tenant, &key).unwrap_err();
        assert_eq!(said.0, place, "{said:?}");
    }
}

#[test]
fn t24_a_token_is_kept_sealed_for_its_tenant_and_never_said() {
    let (external, tenant) = (external(open()), TenantId::mint());
    let key = external.keep(tenant, &typed("http://127.0.0.1:8200")).unwrap();
    assert!(!key.token.windows(6).any(|part| part == b"canary"));
    for said in [
        format!("{key:?}"),
        format!("{external:?}"),
        format!("{:?}", external.provider(tenant, &key)),
    ] {
        assert!(!said.contains("canary"), "{said}");
    }
    let stolen = external.provider(TenantId::mint(), &key);
    assert!(
        matches!(stolen, Err(KeyError::External(_))),
        "t20: of another tenant it does not open"
    );
}

/// A server that answers whatever it is told to, one request after another.
fn hostile(answer: Answer) -> (String, Arc<AtomicUsize>) {
    let (listener, came) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::<AtomicUsize>::default());
    let address = listener.local_addr().unwrap();
    let counted = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let stream = stream.unwrap();
            std::thread::spawn(move || {
                // What was asked, as far as it has come.
                let _ = std::io::Read::read(&mut &stream, &mut [0; 4096]);
                answer(&stream);
            });
        }
    });
    (format!("http://{address}"), came)
}

fn say(mut stream: &std::net::TcpStream, text: &str) -> bool {
    std::io::Write::write_all(&mut stream, text.as_bytes()).is_ok()
}

#[tokio::test]
async fn t22_a_server_that_drips_floods_redirects_or_lies_costs_its_own_tenant_a_moment() {
    let (inside, visited) = hostile(|stream| {
        say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    });
    let _ = INSIDE.set(inside);
    let drip = |stream: &std::net::TcpStream| {
        say(stream, "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        while say(stream, " ") {
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
    };
    let flood = |stream: &std::net::TcpStream| {
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
        while say(stream, &" ".repeat(1 << 16)) {}
    };
    let redirect = |stream: &std::net::TcpStream| {
        let to = INSIDE.get().unwrap();
        say(
            stream,
            &format!("HTTP/1.1 307 Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"),
        );
    };
    let lie = |stream: &std::net::TcpStream| {
        let body = r#"{"data": {"ciphertext": "vault:v1:AAAA", "plaintext": "AAAA"}}"#;
        say(
            stream,
            &format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        );
    };
    let quote = |stream: &std::net::TcpStream| {
        let body = r#"{"errors": ["token hvs.canary-of-the-token is not good"]}"#;
        say(
            stream,
            &format!("HTTP/1.1 403 No\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
        );
    };
    let silent = |stream: &std::net::TcpStream| {
        let _ = std::io::Read::read(&mut &*stream, &mut [0; 1]);
        std::thread::park_timeout(std::time::Duration::from_secs(30));
    };
    let (external, tenant) = (external(open()), TenantId::mint());
    let servers: [(&str, Answer); 6] = [
        ("drip", drip),
        ("flood", flood),
        ("redirect", redirect),
        ("lie", lie),
        ("quote", quote),
        ("silent", silent),
    ];
    let asked = servers.map(|(name, answer)| {
        let (external, begun) = (&external, std::time::Instant::now());
        async move {
            let (url, came) = hostile(answer);
            let key = external.keep(tenant, &typed(&url)).unwrap();
            let provider = external.provider(tenant, &key).unwrap();
            let said = crate::check(&provider).await.unwrap_err();
            assert!(came.load(Ordering::SeqCst) >= 1, "{name} was not reached");
            assert!(begun.elapsed() < PATIENCE * 3, "{name} took {:?}", begun.elapsed());
            assert!(!format!("{said} {said:?}").contains("canary"), "{name}: {said}");
        }
    });
    futures::future::join_all(asked).await;
    assert_eq!(visited.load(Ordering::SeqCst), 0, "a redirect was followed");
}

static INSIDE: std::sync::OnceLock<String> = std::sync::OnceLock::new();

#[test]
fn a_process_that_reaches_no_key_servers_says_so() {
    let kek: Arc<dyn KekProvider> = Arc::new(Kek::new(random()));
    let providers = Providers::of(kek);
    let key = external(open())
        .keep(TenantId::mint(), &typed("http://127.0.0.1:8200"))
        .unwrap();
    let said = providers.of_tenant(TenantId::mint(), &key);
    assert!(matches!(said, Err(KeyError::External(_))), "{said:?}");
}
