//! Certificates for a test's broker: an authority, what the broker shows, what a client shows, and another authority that
//! has signed neither.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// Writes `ca.pem`, `other.pem`, `client.pem` with `client.key`, and `broker.pem`, the key of which is in it as well.
pub fn write(dir: &Path) -> Result<()> {
    let (ca, issuer) = authority("Yunshu test brokers")?;
    fs::write(dir.join("ca.pem"), ca)?;
    fs::write(dir.join("other.pem"), authority("Somebody else")?.0)?;
    let here = SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let (broker, key) = signed(&issuer, "broker", vec![here], ExtendedKeyUsagePurpose::ServerAuth)?;
    fs::write(dir.join("broker.pem"), format!("{key}{broker}"))?;
    let (client, key) = signed(&issuer, "client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;
    fs::write(dir.join("client.pem"), client)?;
    fs::write(dir.join("client.key"), key)?;
    Ok(())
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn authority(name: &str) -> Result<(String, Issuer<'static, KeyPair>)> {
    let (mut params, key) = (named(name), KeyPair::generate()?);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn signed(
    issuer: &Issuer<'static, KeyPair>,
    name: &str,
    reached: Vec<SanType>,
    usage: ExtendedKeyUsagePurpose,
) -> Result<(String, String)> {
    let (mut params, key) = (named(name), KeyPair::generate()?);
    params.subject_alt_names = reached;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}
