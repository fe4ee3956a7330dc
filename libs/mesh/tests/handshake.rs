//! Who is let in, and who is believed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mesh::{Authority, Mesh, Settings};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[expect(
    clippy::disallowed_methods,
    reason = "certificates are judged by the machine's clock"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn install() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn member(folder: &Path, roles: &[&str]) -> Mesh {
    let settings = Authority::open(folder, now()).unwrap().write(roles, now(), 90).unwrap();
    Mesh::open(&settings).unwrap()
}

/// A server of one role that says hello to whoever may ask it.
async fn serve(mesh: &Mesh, callers: &[&str]) -> SocketAddr {
    let acceptor = TlsAcceptor::from(mesh.server(callers).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let _ = tls.write_all(b"hello").await;
                let _ = tls.shutdown().await;
            }
        }
    });
    address
}

/// Does it say hello? With TLS 1.3 a client learns only by reading that it was refused.
async fn greeted(address: SocketAddr, config: Arc<ClientConfig>) -> Result<(), String> {
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("identity.mesh.yunshu").unwrap();
    let tls = TlsConnector::from(config).connect(name, tcp).await;
    let mut tls = tls.map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    tls.read_to_end(&mut said).await.map_err(|error| error.to_string())?;
    (said == b"hello").then_some(()).ok_or_else(|| format!("said {said:?}"))
}

/// A client that believes this authority and shows whatever it is given.
fn client(ca: &Path, shown: Option<(&str, &str)>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder =
        ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]).with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    Arc::new(config)
}

#[tokio::test]
async fn t49_only_the_platforms_own_are_let_in() {
    install();
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let identity = serve(&member(folder.path(), &["identity"]), &["gateway"]).await;
    let gateway = member(folder.path(), &["gateway"]);
    greeted(identity, gateway.client("identity").unwrap()).await.unwrap();

    let ca = folder.path().join("ca.pem");
    let own = Authority::open(folder.path(), now()).unwrap();
    let other = Authority::open(elsewhere.path(), now()).unwrap();
    let server_only = usage(folder.path(), ExtendedKeyUsagePurpose::ServerAuth);
    let ended = own.issue(&["gateway"], now() - TimeDelta::days(100), 90).unwrap();
    let to_come = own.issue(&["gateway"], now() + TimeDelta::days(10), 90).unwrap();
    let wrong_role = own.issue(&["compute"], now(), 90).unwrap();
    let stranger = other.issue(&["gateway"], now(), 90).unwrap();
    let good = own.issue(&["gateway"], now(), 90).unwrap();
    for (who, shown, let_in) in [
        ("nobody", None, false),
        ("one whose certificate has ended", Some(&ended), false),
        ("one whose certificate is not yet good", Some(&to_come), false),
        ("a role that may not ask", Some(&wrong_role), false),
        ("one of another authority", Some(&stranger), false),
        ("one that may only be asked", Some(&server_only), false),
        ("the gateway", Some(&good), true),
    ] {
        let shown = shown.map(|issued| (issued.certificate.as_str(), issued.key.as_str()));
        let greeted = greeted(identity, client(&ca, shown)).await;
        assert_eq!(greeted.is_ok(), let_in, "{who}: {greeted:?}");
    }
    // And nobody without TLS at all.
    let mut plain = TcpStream::connect(identity).await.unwrap();
    plain
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP") && !said.ends_with(b"hello"));
}

/// A certificate of the gateway's name for one use, by the folder's authority.
fn usage(folder: &Path, usage: ExtendedKeyUsagePurpose) -> mesh::Issued {
    let ca = KeyPair::from_pem(&fs::read_to_string(folder.join("ca.key")).unwrap()).unwrap();
    let mut named = CertificateParams::default();
    named.distinguished_name = rcgen::DistinguishedName::new();
    named
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Yunshu mesh CA");
    let issuer = Issuer::new(named, ca);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    let name = mesh::name("gateway").try_into().unwrap();
    params.subject_alt_names.push(SanType::DnsName(name));
    params.extended_key_usages = vec![usage];
    mesh::valid(&mut params, now() - TimeDelta::days(1), now() + TimeDelta::days(9));
    mesh::Issued {
        certificate: params.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

#[tokio::test]
async fn t49_who_answers_must_be_the_role_that_was_meant() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let compute = serve(&member(folder.path(), &["compute"]), &["gateway"]).await;
    let gateway = member(folder.path(), &["gateway"]);
    greeted(compute, gateway.client("compute").unwrap()).await.unwrap();
    let error = greeted(compute, gateway.client("identity").unwrap()).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");

    let elsewhere = tempfile::tempdir().unwrap();
    let impostor = serve(&member(elsewhere.path(), &["compute"]), &["gateway"]).await;
    assert!(greeted(impostor, gateway.client("compute").unwrap()).await.is_err());
}

/// The control of the test above: a certificate for one use is refused for that use alone.
#[tokio::test]
async fn a_client_only_certificate_is_let_in() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let identity = serve(&member(folder.path(), &["identity"]), &["gateway"]).await;
    let client_only = usage(folder.path(), ExtendedKeyUsagePurpose::ClientAuth);
    let shown = Some((client_only.certificate.as_str(), client_only.key.as_str()));
    greeted(identity, client(&folder.path().join("ca.pem"), shown))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_process_of_two_roles_is_both() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let both = member(folder.path(), &["identity", "audit"]);
    both.must_be("identity").unwrap();
    both.must_be("audit").unwrap();
    let error = both.must_be("compute").unwrap_err().to_string();
    assert!(
        error.contains("compute.mesh.yunshu") && error.contains("mesh issue"),
        "{error}"
    );
}

#[tokio::test]
async fn certificates_are_renewed_without_a_restart_and_bad_ones_not_taken_up() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let identity = member(folder.path(), &["identity"]);
    let address = serve(&identity, &["gateway"]).await;
    let gateway = member(folder.path(), &["gateway"]);
    let to_identity = gateway.client("identity").unwrap();
    greeted(address, Arc::clone(&to_identity)).await.unwrap();

    // Half of a new pair, as if caught in the middle.
    let key = folder.path().join("identity.key");
    let before = fs::read(&key).unwrap();
    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    assert!(stays(Duration::from_millis(1_500), address, &to_identity).await);
    fs::write(&key, before).unwrap();

    // The server becomes another role: who means identity is refused, with neither side started anew.
    let authority = Authority::open(folder.path(), now()).unwrap();
    let other = authority.issue(&["audit"], now(), 90).unwrap();
    fs::write(folder.path().join("identity.pem"), other.certificate).unwrap();
    fs::write(&key, other.key).unwrap();
    let start = Instant::now();
    while greeted(address, Arc::clone(&to_identity)).await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "not taken up");
    }
    greeted(address, gateway.client("audit").unwrap()).await.unwrap();
}

async fn stays(time: Duration, address: SocketAddr, config: &Arc<ClientConfig>) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        if greeted(address, Arc::clone(config)).await.is_err() {
            return false;
        }
    }
    true
}

#[test]
fn what_is_wrong_with_files_is_said_with_its_mend() {
    install();
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path(), now()).unwrap();
    let good = authority.write(&["identity"], now(), 90).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&good.key), mode(&folder.path().join("ca.key"))), (0o600, 0o600));

    let said = |settings: &Settings| Mesh::open(settings).unwrap_err().to_string();
    let absent = Settings {
        ca: folder.path().join("none.pem"),
        ..good.clone()
    };
    assert!(said(&absent).contains("none.pem"));
    let swapped = Settings {
        certificate: good.key.clone(),
        ..good.clone()
    };
    assert!(said(&swapped).contains("no certificate"));
    let other = authority.write(&["audit"], now(), 90).unwrap();
    let mixed = Settings {
        key: other.key,
        ..good.clone()
    };
    assert!(said(&mixed).contains("mesh issue"), "{}", said(&mixed));
    fs::set_permissions(&good.key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(said(&good).contains("chmod 0600"));
    assert!(authority.issue(&["no role\u{e9}"], now(), 90).is_err());
}
