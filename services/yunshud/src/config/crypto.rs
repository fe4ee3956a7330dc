//! Who keeps the key-encryption key.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use crypto::{External, ExternalSettings, Kek, KekProvider, Pkcs11, ProviderSettings, Providers};
use serde::Deserialize;

use super::Config;

/// `[crypto]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crypto {
    /// The file of the key-encryption key: mode 0600, 32 bytes in base64. What is sealed under it is opened by it, whoever
    /// the provider is.
    pub kek: PathBuf,
    /// What wraps keys from now on; without it, that file.
    #[serde(default)]
    pub provider: Option<ProviderSettings>,
    /// What wrapped keys before, and unwraps them until all are wrapped anew. The file need not be named.
    #[serde(default)]
    pub previous: Vec<ProviderSettings>,
    /// A file with the tenants whose keys were destroyed, the same for all processes; it begins empty. It must outlive the
    /// database and its backups: without it, a backup that is older than a key's destruction brings the key back.
    #[serde(default)]
    pub destroyed: Option<PathBuf>,
    /// How far the platform goes to reach keys that tenants keep themselves.
    #[serde(default)]
    pub tenants: ExternalSettings,
}

impl Config {
    /// The providers of keys. Nothing is asked of them yet.
    pub fn kek_providers(&self) -> anyhow::Result<Providers> {
        let crypto = &self.crypto;
        let file = ProviderSettings::File(crypto.kek.clone());
        let file = || file.open("crypto.kek").map_err(anyhow::Error::msg);
        let mut providers = match &crypto.provider {
            None => Providers::of(file()?),
            Some(settings) => {
                let current = settings.open("crypto.provider").map_err(anyhow::Error::msg)?;
                with(Providers::of(current), file()?, true)?
            }
        };
        for (number, settings) in crypto.previous.iter().enumerate() {
            let place = format!("crypto.previous[{number}]");
            let previous = settings.open(&place).map_err(anyhow::Error::msg)?;
            providers = with(providers, previous, false).context(place)?;
        }
        Ok(providers)
    }

    /// The same, and tenants may keep keys of their own; their tokens are sealed by `kek`.
    pub fn providers_with_tenants(&self, kek: &Kek) -> anyhow::Result<Providers> {
        let external = External::new(self.crypto.tenants.clone(), kek.clone());
        let external = external.map_err(|error| anyhow::anyhow!("crypto.tenants{error}"))?;
        Ok(self.kek_providers()?.with_external(external))
    }

    /// Makes the key of the current provider, where that is ours to do.
    pub async fn make_kek(&self) -> anyhow::Result<()> {
        match &self.crypto.provider {
            Some(ProviderSettings::Pkcs11(settings)) => {
                settings
                    .validate()
                    .map_err(|error| anyhow::anyhow!("crypto.provider.pkcs11{error}"))?;
                Ok(Pkcs11::make_key(settings.clone()).await?)
            }
            Some(ProviderSettings::Transit(settings)) => anyhow::bail!(
                "the key of a transit server is made there, by somebody who may: \
                 `vault write -f {}/keys/{} type=aes256-gcm96`",
                settings.mount,
                settings.key
            ),
            Some(ProviderSettings::File(_)) | None => anyhow::bail!(
                "crypto.provider names no token: a key file is made by `openssl rand -base64 32`, with mode 0600"
            ),
        }
    }
}

/// A wrapped key is kept beside the name of its provider, so a name must be one provider's. The file stands in for itself.
fn with(providers: Providers, previous: Arc<dyn KekProvider>, twice: bool) -> anyhow::Result<Providers> {
    let name = previous.name();
    if providers.by_name(name).is_none() {
        return Ok(providers.with_previous(previous));
    }
    if twice || name.starts_with("file:") {
        return Ok(providers);
    }
    anyhow::bail!("{name} is named twice: remove one, or give its key another name")
}

/// Each provider wraps and unwraps once, so that a platform does not start that could not read what it keeps.
pub async fn check(providers: &Providers) -> anyhow::Result<()> {
    let checks = providers.all().map(|provider| crypto::check(provider.as_ref()));
    for checked in futures::future::join_all(checks).await {
        checked.context("[crypto]")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn read(folder: &Path, crypto: &str) -> anyhow::Result<Providers> {
        let others = "[database]\nhost = \"h\"\nport = 1\nname = \"n\"\nsecrets = \"s\"\n[gateway]\ntls = \"127.0.0.1:0\"\npki = \"p\"\n\
                      [compute]\nimages = \"i\"\nuploads = \"u\"\n[portal]\nassets = \"a\"\n";
        let file = folder.join("yunshud.toml");
        let kek = folder.join("kek");
        std::fs::write(
            &file,
            format!("{others}[crypto]\nkek = \"{}\"\n{crypto}", kek.display()),
        )
        .unwrap();
        let config: Config = settings::load(&file)?;
        config.kek_providers()
    }

    fn key(folder: &Path, name: &str) {
        crypto::Kek::open_or_make(&folder.join(name)).unwrap();
    }

    fn names(providers: &Providers) -> Vec<String> {
        providers.all().map(|provider| provider.name().to_owned()).collect()
    }

    const TOKEN: &str = r#"{ pkcs11 = { module = "/m.so", token = "t", key = "k", pin_file = "/pin" } }"#;
    const VAULT: &str = r#"{ transit = { url = "https://vault.example", key = "k", token_file = "/token" } }"#;

    #[test]
    fn a_file_alone_is_the_provider_and_else_it_still_unwraps() {
        let folder = tempfile::tempdir().unwrap();
        key(folder.path(), "kek");
        let alone = names(&read(folder.path(), "").unwrap());
        assert!(alone.len() == 1 && alone[0].starts_with("file:"));

        let changed = names(&read(folder.path(), &format!("provider = {TOKEN}\nprevious = [{VAULT}]")).unwrap());
        assert_eq!(changed, ["pkcs11:t/k", alone[0].as_str(), "transit:transit/k"]);

        key(folder.path(), "older");
        let older = folder.path().join("older");
        let older = read(
            folder.path(),
            &format!("previous = [{{ file = \"{}\" }}]", older.display()),
        )
        .unwrap();
        assert!(names(&older).len() == 2 && names(&older)[0] == alone[0]);
        let same = folder.path().join("kek");
        let same = read(
            folder.path(),
            &format!("provider = {{ file = \"{}\" }}", same.display()),
        )
        .unwrap();
        assert_eq!(names(&same), alone);
    }

    #[test]
    fn nonsense_is_named_with_its_place_and_mend() {
        let folder = tempfile::tempdir().unwrap();
        key(folder.path(), "kek");
        key(folder.path(), "exposed");
        let exposed = folder.path().join("exposed");
        std::fs::set_permissions(&exposed, PermissionsExt::from_mode(0o644)).unwrap();
        for (crypto, complaints) in [
            (
                format!("provider = {}", TOKEN.replace("/m.so", "m.so")),
                ["crypto.provider.pkcs11.module", "absolute"],
            ),
            (
                format!("provider = {}", VAULT.replace("https", "http")),
                ["crypto.provider.transit.url", "https"],
            ),
            (
                format!("previous = [{}]", VAULT.replace("\"k\"", "\"a/b\"")),
                ["crypto.previous[0].transit.key", "without"],
            ),
            (
                format!("previous = [{TOKEN}, {TOKEN}]"),
                ["crypto.previous[1]", "named twice: remove one"],
            ),
            (
                format!("provider = {VAULT}\nprevious = [{VAULT}]"),
                ["crypto.previous[0]", "named twice"],
            ),
            (
                format!("provider = {{ file = \"{}\" }}", exposed.display()),
                ["crypto.provider.file", "chmod 600"],
            ),
            (
                "provider = { file = \"/nonexistent\" }".to_owned(),
                ["crypto.provider.file", "/nonexistent"],
            ),
            ("provider = { cloud = {} }".to_owned(), ["provider", "cloud"]),
            (
                format!("provider = {}", TOKEN.replace("token =", "tokne =")),
                ["provider", "tokne"],
            ),
        ] {
            let error = format!("{:#}", read(folder.path(), &crypto).unwrap_err());
            for complaint in complaints {
                assert!(error.contains(complaint), "{crypto}: {error}");
            }
        }
    }
}
