//! An authority for one platform: for development, and for whoever has none of their own. `ca.pem` goes to every process,
//! `ca.key` (0600) to none.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};

use crate::{Error, Settings, name};

const CA_DAYS: i64 = 3_650;

/// A certificate authority for the names of roles.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, as PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    /// Opens the one in `folder`, or makes one there.
    pub fn open(folder: &Path, now: DateTime<Utc>) -> Result<Self, Error> {
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        let key = match (certificate.exists(), key.exists()) {
            (true, true) => KeyPair::from_pem(&fs::read_to_string(&key).map_err(blame(&key))?)?,
            (false, false) => {
                let pair = KeyPair::generate()?;
                fs::create_dir_all(folder).map_err(blame(folder))?;
                write_new(&key, 0o600, &pair.serialize_pem()).map_err(blame(&key))?;
                let made = params(now).self_signed(&pair)?;
                write_new(&certificate, 0o644, &made.pem()).map_err(blame(&certificate))?;
                pair
            }
            _ => return Err(Error::Half(folder.to_owned())),
        };
        Ok(Self {
            issuer: Issuer::new(params(now), key),
            folder: folder.to_owned(),
        })
    }

    /// A certificate with which a process is these roles, as server and as client, for so many days.
    pub fn issue(&self, roles: &[&str], now: DateTime<Utc>, days: u32) -> Result<Issued, Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        for role in roles {
            let name = name(role).try_into().map_err(|_| Error::Name((*role).to_owned()))?;
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Yunshu {}", roles.join(", ")));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        valid(
            &mut params,
            now - TimeDelta::days(1),
            now + TimeDelta::days(i64::from(days)),
        );
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The same, written beside the authority's own files under the roles' names; a process that runs takes it up.
    pub fn write(&self, roles: &[&str], now: DateTime<Utc>, days: u32) -> Result<Settings, Error> {
        let issued = self.issue(roles, now, days)?;
        let at = |end: &str| self.folder.join(format!("{}.{end}", roles.join("-")));
        let (certificate, key) = (at("pem"), at("key"));
        for (path, mode, text) in [(&key, 0o600, issued.key), (&certificate, 0o644, issued.certificate)] {
            let coming = path.with_extension("new");
            let _ = fs::remove_file(&coming);
            let written = write_new(&coming, mode, &text).and_then(|()| fs::rename(&coming, path));
            written.map_err(blame(path))?;
        }
        let ca = self.folder.join("ca.pem");
        Ok(Settings { ca, certificate, key })
    }
}

fn params(now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Yunshu mesh CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("mesh.yunshu".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    valid(&mut params, now - TimeDelta::days(1), now + TimeDelta::days(CA_DAYS));
    params
}

/// Good from the midnight before one time to the midnight before another.
pub fn valid(params: &mut CertificateParams, from: DateTime<Utc>, until: DateTime<Utc>) {
    let small = |number: u32| u8::try_from(number).unwrap_or(1);
    let day = |time: DateTime<Utc>| date_time_ymd(time.year(), small(time.month()), small(time.day()));
    params.not_before = day(from);
    params.not_after = day(until);
}

/// Writes a file that is not there yet, with this mode from its first byte.
pub fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())
}

fn blame(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { path, source }
}
