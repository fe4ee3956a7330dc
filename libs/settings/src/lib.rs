//! Layered configuration: defaults in the types, then a TOML file, then the environment.
//!
//! `YUNSHU_GATEWAY__TLS=0.0.0.0:443` sets `tls` in `[gateway]`: the section and the key are parted by two underscores.
//! Unknown keys in the file are refused with their place, so that a misspelt setting is not silently ignored. Secrets
//! never stand in the configuration; it names the files that hold them.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::de::DeserializeOwned;

/// The prefix of environment variables that set things.
pub const PREFIX: &str = "YUNSHU_";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there.
    #[error("there is no configuration file {0}: `./dev up` writes one, or name another with --config")]
    Missing(PathBuf),
    /// Something in it is wrong.
    #[error("configuration: {0}")]
    Wrong(Box<figment::Error>),
}

/// Reads the configuration.
pub fn load<T: DeserializeOwned>(file: &Path) -> Result<T, Error> {
    if !file.is_file() {
        return Err(Error::Missing(file.to_owned()));
    }
    let sections = Env::prefixed(PREFIX)
        .split("__")
        .filter(|key| key.as_str().contains('.'));
    Figment::new()
        .merge(Toml::file_exact(file))
        .merge(sections)
        .extract()
        .map_err(|error| Error::Wrong(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        part: Part,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Part {
        number: u16,
    }

    fn read(text: &str) -> Result<Whole, Error> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        load(&file)
    }

    #[test]
    fn a_misspelt_key_is_refused_by_name() {
        assert_eq!(read("[part]\nnumber = 1").unwrap().part.number, 1);
        let error = read("[part]\nnumbre = 1").unwrap_err().to_string();
        assert!(error.contains("numbre"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named_with_the_mend() {
        let error = load::<Whole>(Path::new("/nonexistent.toml")).unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent.toml") && error.contains("--config"),
            "{error}"
        );
    }
}
