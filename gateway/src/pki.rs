//! The development CA: made at the first start, kept in one folder, good for this machine's names alone.
//!
//! `ca.pem` is what a developer trusts, `ca.key` (0600) never leaves the folder. Name constraints (RFC 5280, 4.2.1.10)
//! keep a stolen key from speaking for anybody else's site. Server certificates are not kept at all: each start issues
//! one for the names of the day, and a running gateway issues the next when two thirds of its life are over.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::settings::is_name;

const CA_DAYS: i64 = 3_650;
/// Browsers refuse certificates that live longer than 398 days.
const LEAF_DAYS: i64 = 90;

/// The development CA cannot be used; the text says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file in it.
    #[error("{path}: {source}; give this user the folder, or set gateway.pki")]
    File { path: PathBuf, source: io::Error },
    /// One half is missing.
    #[error("{0} has not both ca.pem and ca.key; remove the folder to start a new CA (and trust it again)")]
    Half(PathBuf),
    /// `rcgen` refuses.
    #[error("the development CA cannot be used: {0}; remove its folder to start a new one")]
    Certificate(#[from] rcgen::Error),
    /// `rustls` refuses the key.
    #[error("the server's key cannot be used: {0}")]
    Key(#[from] rustls::Error),
}

/// A certificate authority for this machine.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    names: Vec<String>,
    folder: PathBuf,
}

/// A server's key with its certificate, and when to replace it.
pub struct Leaf {
    pub key: Arc<CertifiedKey>,
    pub renew_at: DateTime<Utc>,
}

impl Authority {
    /// Opens the CA in `folder`, or makes one there. `extra` are names beyond those of this machine.
    pub fn open(folder: &Path, extra: &[String], now: DateTime<Utc>) -> Result<Self, Error> {
        let mut names = names(extra);
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        let key = match (certificate.exists(), key.exists()) {
            (true, true) => KeyPair::from_pem(&read(&key)?)?,
            (false, false) => create(folder, &names, now)?,
            _ => return Err(Error::Half(folder.to_owned())),
        };
        // One name outside the constraints would spoil the certificate for all the others.
        let permitted = read(&folder.join("ca.names"))?;
        names.retain(|name| {
            let known = permitted.lines().any(|line| line == name);
            if !known {
                tracing::warn!(name, folder = %folder.display(), "the development CA is older than this name; remove its folder to start a new CA");
            }
            known
        });
        Ok(Self {
            issuer: Issuer::new(ca_params(&names, now), key),
            names,
            folder: folder.to_owned(),
        })
    }

    /// A fresh server certificate.
    pub fn issue(&self, now: DateTime<Utc>) -> Result<Leaf, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.subject_alt_names = self.names.iter().map(|name| san(name)).collect::<Result<_, _>>()?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Yunshu gateway");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        mesh::valid(&mut params, now - TimeDelta::days(1), now + TimeDelta::days(LEAF_DAYS));
        let certificate = params.signed_by(&key, &self.issuer)?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(vec![certificate.der().clone()], private, &provider)?;
        Ok(Leaf {
            key: Arc::new(key),
            renew_at: now + TimeDelta::days(LEAF_DAYS * 2 / 3),
        })
    }

    /// What to tell a person once.
    pub fn trust_instructions(&self) -> String {
        let file = self.folder.join("ca.pem");
        let file = file.display();
        format!(
            "the gateway's certificate comes from a development CA: trust {file} in your browser, or `curl --cacert {file}`, \
             or for the whole machine `sudo cp {file} /usr/local/share/ca-certificates/yunshu.crt && sudo update-ca-certificates`"
        )
    }
}

fn create(folder: &Path, names: &[String], now: DateTime<Utc>) -> Result<KeyPair, Error> {
    let key = KeyPair::generate()?;
    let certificate = ca_params(names, now).self_signed(&key)?;
    let blame = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { path, source }
    };
    fs::create_dir_all(folder).map_err(blame(folder))?;
    for (name, mode, text) in [
        ("ca.names", 0o644, names.join("\n")),
        ("ca.key", 0o600, key.serialize_pem()),
        ("ca.pem", 0o644, certificate.pem()),
    ] {
        let path = folder.join(name);
        mesh::write_new(&path, mode, &text).map_err(blame(&path))?;
    }
    Ok(key)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

fn ca_params(names: &[String], now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Yunshu development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = names.iter().map(|name| subtree(name)).collect();
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees,
        excluded_subtrees: Vec::new(),
    });
    mesh::valid(&mut params, now - TimeDelta::days(1), now + TimeDelta::days(CA_DAYS));
    params
}

fn subtree(name: &str) -> GeneralSubtree {
    match name.parse() {
        Ok(IpAddr::V4(address)) => GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(address.octets(), 32)),
        Ok(IpAddr::V6(address)) => GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(address.octets(), 128)),
        Err(_) => GeneralSubtree::DnsName(name.to_owned()),
    }
}

fn san(name: &str) -> Result<SanType, Error> {
    match name.parse() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.try_into()?)),
    }
}

fn names(extra: &[String]) -> Vec<String> {
    let own = fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut names = vec![
        "localhost".to_owned(),
        IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(),
        IpAddr::V6(Ipv6Addr::LOCALHOST).to_string(),
    ];
    for name in std::iter::once(&own).chain(extra) {
        if is_name(name) && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("yunshu-pki-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn the_second_start_finds_the_same_ca_and_its_key_is_private() {
        let folder = folder("twice");
        Authority::open(&folder, &[], DateTime::UNIX_EPOCH).unwrap();
        let first = read(&folder.join("ca.pem")).unwrap();
        Authority::open(&folder, &[], DateTime::UNIX_EPOCH)
            .unwrap()
            .issue(DateTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(read(&folder.join("ca.pem")).unwrap(), first);
        assert_eq!(
            fs::metadata(folder.join("ca.key")).unwrap().permissions().mode() & 0o777,
            0o600
        );

        fs::remove_file(folder.join("ca.key")).unwrap();
        assert!(matches!(
            Authority::open(&folder, &[], DateTime::UNIX_EPOCH),
            Err(Error::Half(_))
        ));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_name_younger_than_the_ca_is_left_out() {
        let folder = folder("names");
        Authority::open(&folder, &["old.example".to_owned()], DateTime::UNIX_EPOCH).unwrap();
        let later = Authority::open(
            &folder,
            &["old.example".to_owned(), "new.example".to_owned()],
            DateTime::UNIX_EPOCH,
        );
        let names = later.unwrap().names;
        assert!(
            names.contains(&"old.example".to_owned()) && !names.contains(&"new.example".to_owned()),
            "{names:?}"
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
