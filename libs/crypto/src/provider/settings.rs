//! Which provider, as an operator writes it down.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use url::{Host, Url};

use super::{KekProvider, Pkcs11, Transit};
use crate::Kek;

/// The longest word of a setting, in bytes. Names of providers are made of three at most, and kept beside every wrapped key.
const LONGEST: usize = 64;

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderSettings {
    /// A file of mode 0600 with 32 bytes in base64.
    File(PathBuf),
    /// A token behind a PKCS#11 module.
    Pkcs11(Pkcs11Settings),
    /// The transit engine of Vault or `OpenBao`.
    Transit(TransitSettings),
}

/// Where a key is kept behind PKCS#11.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11Settings {
    /// The vendor's library.
    pub module: PathBuf,
    /// The token's label, or its serial number where labels are shared.
    pub token: String,
    /// The key's label.
    pub key: String,
    /// A file of mode 0600 with the user's PIN.
    pub pin_file: PathBuf,
}

/// Where a key is kept behind the transit API.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransitSettings {
    /// Its base address: https, or http on this machine.
    pub url: Url,
    /// Where the engine is mounted.
    #[serde(default = "default_mount")]
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// A file of mode 0600 with the token; it is read for each call, so that an agent may renew it.
    pub token_file: PathBuf,
    /// The namespace, where there are some.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Certificates (PEM) of the authorities that vouch for it, beside the web's own.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

fn default_mount() -> String {
    "transit".to_owned()
}

impl ProviderSettings {
    /// The provider. It is not asked for anything yet; `place` is what these settings are called in messages.
    pub fn open(&self, place: &str) -> Result<Arc<dyn KekProvider>, String> {
        Ok(match self {
            Self::File(file) => Arc::new(Kek::open(file).map_err(|error| format!("{place}.file: {error}"))?),
            Self::Pkcs11(settings) => {
                settings.validate().map_err(|error| format!("{place}.pkcs11{error}"))?;
                Arc::new(Pkcs11::new(settings.clone()))
            }
            Self::Transit(settings) => {
                let trusted = Transit::trusted(settings.clone());
                Arc::new(trusted.map_err(|error| format!("{place}.transit{error}"))?)
            }
        })
    }
}

impl Pkcs11Settings {
    /// What makes no sense is refused with its mend; the text begins with the key of the setting.
    pub fn validate(&self) -> Result<(), String> {
        if !self.module.is_absolute() {
            // A bare name would be looked for along the loader's path, which others may set.
            return Err(
                ".module: must be the absolute path of the library, as /usr/lib/softhsm/libsofthsm2.so".to_owned(),
            );
        }
        for (key, word, longest) in [("token", &self.token, 32), ("key", &self.key, LONGEST)] {
            let printable = word
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic() && byte != b'/');
            if word.trim() != word || word.is_empty() || word.len() > longest || !printable {
                return Err(format!(
                    ".{key}: must be 1 to {longest} printable ASCII characters without `/`, and no space around them"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn name(&self) -> String {
        format!("pkcs11:{}/{}", self.token, self.key)
    }
}

impl TransitSettings {
    /// What makes no sense is refused with its mend; the text begins with the key of the setting.
    pub fn validate(&self) -> Result<(), String> {
        let bare = self.url.path() == "/" && self.url.query().is_none() && self.url.fragment().is_none();
        if !bare || !self.url.username().is_empty() || self.url.password().is_some() {
            return Err(".url: must be scheme, host and port alone, as https://vault.example:8200".to_owned());
        }
        if self.url.scheme() != "https" && !(self.url.scheme() == "http" && self.is_here()) {
            return Err(".url: must be https; plain http is for an agent on this machine alone".to_owned());
        }
        let namespace = self.namespace.as_ref().map(|word| ("namespace", word));
        let words = [("mount", &self.mount), ("key", &self.key)]
            .into_iter()
            .chain(namespace);
        for (key, word) in words {
            let plain = |part: &str| {
                let letters = part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
                // `.` and `..` are ways, not names.
                !part.is_empty() && letters && part.bytes().any(|byte| byte != b'.')
            };
            let parts = if key == "key" { 1 } else { usize::MAX };
            if word.len() > LONGEST || word.split('/').count() > parts || !word.split('/').all(plain) {
                return Err(format!(
                    ".{key}: must be at most {LONGEST} letters, digits, `-`, `_` and `.`, without `/` at its ends"
                ));
            }
        }
        Ok(())
    }

    fn is_here(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Without the address: a server that moves keeps its keys, and they keep their name.
    pub(super) fn name(&self) -> String {
        let namespace = self
            .namespace
            .as_ref()
            .map(|word| format!("{word}/"))
            .unwrap_or_default();
        format!("transit:{namespace}{}/{}", self.mount, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Pkcs11Settings);

    fn pkcs11() -> Pkcs11Settings {
        Pkcs11Settings {
            module: "/usr/lib/softhsm/libsofthsm2.so".into(),
            token: "yunshu".to_owned(),
            key: "kek 2026".to_owned(),
            pin_file: "/etc/yunshu/pin".into(),
        }
    }

    fn transit(url: &str) -> TransitSettings {
        TransitSettings {
            url: url.parse().unwrap(),
            mount: default_mount(),
            key: "yunshu".to_owned(),
            token_file: "/run/vault/token".into(),
            namespace: None,
            ca: None,
        }
    }

    #[test]
    fn each_senseless_setting_is_named_with_its_mend() {
        assert_eq!(pkcs11().validate(), Ok(()));
        assert_eq!(pkcs11().name(), "pkcs11:yunshu/kek 2026");
        let spoilt: [(&str, Spoil); 5] = [
            (".module: must be the absolute path", |it| {
                it.module = "libsofthsm2.so".into();
            }),
            (".token: must be 1 to 32", |it| it.token = "t".repeat(33)),
            (".token: must be 1 to 32", |it| it.token = String::new()),
            (".key: must be 1 to 64", |it| it.key = "a/b".to_owned()),
            (".key: must be 1 to 64", |it| it.key = " kek".to_owned()),
        ];
        for (complaint, spoil) in spoilt {
            let mut settings = pkcs11();
            spoil(&mut settings);
            assert!(settings.validate().unwrap_err().starts_with(complaint), "{settings:?}");
        }
    }

    #[test]
    fn transit_is_spoken_to_by_https_or_on_this_machine() {
        for url in [
            "https://vault.example:8200",
            "https://10.0.0.7",
            "http://127.0.0.1:8200",
            "http://localhost:8100",
            "http://[::1]:8200",
        ] {
            assert_eq!(transit(url).validate(), Ok(()), "{url}");
        }
        for url in [
            "http://vault.example:8200",
            "http://10.0.0.7",
            "http://localhost.example",
            "ftp://127.0.0.1",
            "https://me:word@vault.example",
            "https://vault.example/v1",
            "https://vault.example/?x=1",
        ] {
            assert!(
                transit(url).validate().unwrap_err().starts_with(".url: must be"),
                "{url}"
            );
        }
    }

    #[test]
    fn t51_no_word_of_transit_is_a_way_elsewhere() {
        let named = |mount: &str, key: &str, namespace: Option<&str>| TransitSettings {
            mount: mount.to_owned(),
            key: key.to_owned(),
            namespace: namespace.map(str::to_owned),
            ..transit("https://vault.example")
        };
        let good = named("team/transit", "kek-1", Some("a/b"));
        assert_eq!(good.validate(), Ok(()));
        assert_eq!(good.name(), "transit:a/b/team/transit/kek-1");
        let long = "k".repeat(65);
        for (mount, key, namespace) in [
            ("../sys", "k", None),
            ("transit/", "k", None),
            ("/transit", "k", None),
            ("transit", "..", None),
            ("transit", "a/b", None),
            ("transit", "a?b", None),
            ("transit", "a%2fb", None),
            ("transit", "", None),
            ("transit", long.as_str(), None),
            ("transit", "k", Some("a\r\nx-vault-token: b")),
            ("transit", "k", Some("")),
        ] {
            assert!(
                named(mount, key, namespace).validate().is_err(),
                "{mount} {key} {namespace:?}"
            );
        }
    }
}
