//! The handshake, and certificates as credentials.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::Role;
use auth::passport::Bearer;
use chrono::TimeDelta;
use clock::Clock;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, NamedGroup, ProtocolVersion, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::stack::{Stack, settings};

struct Shown {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

fn shown(change: impl FnOnce(&mut CertificateParams)) -> Shown {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["host-1".to_owned()]).unwrap();
    change(&mut params);
    Shown {
        certificate: params.self_signed(&key).unwrap().der().clone(),
        key,
    }
}

impl Shown {
    fn identity(&self) -> reqwest::Identity {
        let mut pem = self.key.serialize_pem();
        let body = rcgen_pem(&self.certificate);
        pem.push_str(&body);
        reqwest::Identity::from_pem(pem.as_bytes()).unwrap()
    }

    fn fingerprint(&self) -> String {
        let digest = Sha256::digest(&self.certificate);
        digest
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn private(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()))
    }
}

fn rcgen_pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, group) in der.chunks(3).enumerate() {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap();
            text.push(if digit <= group.len() {
                char::from(DIGITS[index])
            } else {
                '='
            });
        }
        if at % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}

fn roots(stack: &Stack) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(stack.pki.join("ca.pem")).unwrap();
    roots.add(ca).unwrap();
    roots
}

async fn connect(
    stack: &Stack,
    versions: &[&'static SupportedProtocolVersion],
    client: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots(stack));
    let config = match client {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let tcp = TcpStream::connect(stack.tls).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

#[tokio::test]
async fn only_tls_1_3_and_post_quantum_first() {
    let stack = Stack::start();
    let stream = connect(&stack, &[&rustls::version::TLS13], None).await.unwrap();
    let session = stream.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = session.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    assert!(connect(&stack, &[&rustls::version::TLS12], None).await.is_err());
}

#[tokio::test]
async fn the_certificate_is_good_for_every_name_of_this_machine() {
    let stack = Stack::start();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}/healthz", stack.tls.port());
        assert_eq!(stack.client().get(url).send().await.unwrap().status(), 200, "{host}");
    }
    let elsewhere = format!("https://evil.example:{}/healthz", stack.tls.port());
    let resolved = stack.client_with(|builder| builder.resolve("evil.example", stack.tls));
    assert!(resolved.get(elsewhere).send().await.is_err(), "not for names of others");
}

#[tokio::test]
async fn a_certificate_speaks_for_a_hypervisor_and_for_nobody_else() {
    let stack = Stack::start();
    let host = shown(|_| {});
    let client = stack.client_with(|builder| builder.identity(host.identity()));

    let answer = client
        .post(stack.secure_url("/api/v1/hypervisor/session"))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let seen = stack.seen().pop().unwrap();
    assert_eq!(seen.role, "compute");
    assert_eq!(seen.passport.unwrap().bearer, Bearer::Certificate(host.fingerprint()));

    let (_, token) = stack.session(Role::PlatformOperator);
    let both = client
        .post(stack.secure_url("/api/v1/hypervisor/session"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(both.status(), 401, "a token has no business there");
    let elsewhere = client.get(stack.secure_url("/api/v1/me")).send().await.unwrap();
    assert_eq!(elsewhere.status(), 401, "a certificate has no business there");
    let person = client
        .get(stack.secure_url("/api/v1/me"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(person.status(), 200, "and does no harm either");

    let bare = stack.client();
    for url in [
        stack.secure_url("/api/v1/hypervisor/enrol"),
        stack.url("/api/v1/hypervisor/enrol"),
    ] {
        assert_eq!(bare.post(url).send().await.unwrap().status(), 401, "no certificate");
    }
}

#[tokio::test]
async fn t49_a_certificate_without_its_key_is_refused() {
    let stack = Stack::start();
    let (host, thief) = (shown(|_| {}), shown(|_| {}));
    // rustls keeps a client from this mistake, so the thief's certificate is made to look right: same key type, other key.
    let config = {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(thief.private()).unwrap();
        let stolen = CertifiedKey::new(vec![host.certificate.clone()], key);
        ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots(&stack))
            .with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)))
    };
    let tcp = TcpStream::connect(stack.tls).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    // The client's handshake ends before the server has judged; the refusal comes with the first read.
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let _ = stream
        .write_all(b"GET /api/v1/hypervisor/desired HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let mut answer = Vec::new();
    assert!(
        stream.read_to_end(&mut answer).await.is_err(),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert!(stack.seen().is_empty());
}

/// Notes which issuers the server would like, as a browser does before it bothers its user.
#[derive(Debug, Default)]
struct Browser(Mutex<Option<Vec<Vec<u8>>>>);

impl ResolvesClientCert for Browser {
    fn resolve(&self, hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = Some(hints.iter().map(|hint| hint.to_vec()).collect());
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn browsers_need_not_ask_their_user_for_a_certificate() {
    let stack = Stack::start();
    let browser = Arc::new(Browser::default());
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots(&stack))
        .with_client_cert_resolver(Arc::clone(&browser) as Arc<dyn ResolvesClientCert>);
    let tcp = TcpStream::connect(stack.tls).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();

    let hints = browser.0.lock().unwrap().clone().expect("a certificate was asked for");
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Yunshu hypervisor");
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let [hint] = hints.as_slice() else { panic!("{hints:?}") };
    let found = certificate
        .der()
        .windows(hint.len())
        .any(|part| part == hint.as_slice());
    assert!(found, "the hint is that name, as certificates spell it");
}

#[tokio::test]
async fn dates_and_issuers_of_a_bound_certificate_mean_nothing() {
    let stack = Stack::start();
    let old = shown(|params| {
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    });
    let client = stack.client_with(|builder| builder.identity(old.identity()));
    let answer = client
        .get(stack.secure_url("/api/v1/hypervisor/desired"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.status(),
        200,
        "the service knows which fingerprints it has bound"
    );
    assert_eq!(
        stack.seen()[0].passport.clone().unwrap().bearer,
        Bearer::Certificate(old.fingerprint())
    );
}

#[tokio::test]
async fn the_certificate_is_renewed_while_serving() {
    // The clock of the gateway goes from the past to the present, so that either certificate is valid for the client.
    let past = Clock::system().now() - TimeDelta::days(59);
    let stack = Stack::start_at(settings(), Clock::held_at(past), |_| {});
    let serial = async || {
        let stream = connect(&stack, &[&rustls::version::TLS13], None).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let first = serial().await;
    assert_eq!(first, serial().await);
    stack.clock.advance(Duration::from_hours(60 * 24));
    let second = serial().await;
    assert_ne!(first, second);
}
