use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The entry page; without it there is no portal.
const INDEX: &str = "index.html";
/// What the build names by its content: it never changes under its name.
const HASHED: &str = "assets/";

/// The portal cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// The directory is not there, or is not a build.
    #[error(
        "portal.assets: no built portal in {0}: run `npm ci --ignore-scripts && npm run build` in services/portal/ui"
    )]
    Build(PathBuf),
    /// A file of it cannot be read.
    #[error("portal.assets: cannot read {0}: {1}")]
    Unreadable(PathBuf, io::Error),
}

/// One file in each form it can be sent in.
#[derive(Debug)]
pub struct Asset {
    pub plain: Bytes,
    pub brotli: Option<Bytes>,
    pub gzip: Option<Bytes>,
    /// For `Content-Type`.
    pub kind: &'static str,
    /// The start of the SHA-256 of `plain`, in hex.
    pub digest: String,
    /// For `Cache-Control`.
    pub keep: &'static str,
}

/// The built portal, by path without a leading slash.
#[derive(Debug)]
pub struct Assets(HashMap<String, Asset>);

impl Assets {
    /// Reads a build. Links are not followed: a build has none.
    pub fn read(root: &Path) -> Result<Self, Missing> {
        if !root.join(INDEX).is_file() {
            return Err(Missing::Build(root.to_owned()));
        }
        let mut files = HashMap::new();
        collect(root, "", &mut files)?;
        let plain = files.keys().filter(|path| !is_form(path)).cloned().collect::<Vec<_>>();
        let assets = plain.into_iter().map(|path| {
            let asset = Asset::new(&path, &files);
            (path, asset)
        });
        Ok(Self(assets.collect()))
    }

    /// How many files there are, compressed forms not counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What answers `path` (without the leading slash): its file, or the entry page for an address of the application.
    pub fn find(&self, path: &str) -> Option<&Asset> {
        let path = if path.is_empty() { INDEX } else { path };
        let exact = self.0.get(path).or_else(|| self.0.get(&format!("{path}.html")));
        // A file that this build does not have must not look like a page: an old page would take HTML for its script.
        let names_file = path.starts_with(HASHED) || kind(path).is_some();
        if names_file {
            exact
        } else {
            exact.or_else(|| self.0.get(INDEX))
        }
    }
}

impl Asset {
    fn new(path: &str, files: &HashMap<String, Bytes>) -> Self {
        let plain = files.get(path).cloned().unwrap_or_default();
        let digest = Sha256::digest(&plain)
            .iter()
            .take(12)
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        Self {
            brotli: files.get(&format!("{path}.br")).cloned(),
            gzip: files.get(&format!("{path}.gz")).cloned(),
            kind: kind(path).unwrap_or("application/octet-stream"),
            digest,
            keep: if path.starts_with(HASHED) {
                "public, max-age=31536000, immutable"
            } else if has_extension(path, "html") {
                "no-cache"
            } else {
                "public, max-age=3600"
            },
            plain,
        }
    }
}

/// Is this another file's compressed form?
fn is_form(path: &str) -> bool {
    has_extension(path, "br") || has_extension(path, "gz")
}

fn collect(directory: &Path, prefix: &str, files: &mut HashMap<String, Bytes>) -> Result<(), Missing> {
    let unreadable = |error| Missing::Unreadable(directory.to_owned(), error);
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let of_entry = |error| Missing::Unreadable(entry.path(), error);
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let sort = entry.file_type().map_err(of_entry)?;
        if sort.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else if sort.is_file() {
            files.insert(name, std::fs::read(&path).map_err(of_entry)?.into());
        }
    }
    Ok(())
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

fn kind(path: &str) -> Option<&'static str> {
    match Path::new(path).extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "js" | "mjs" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "json" | "map" => Some("application/json"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "ico" => Some("image/x-icon"),
        "woff2" => Some("font/woff2"),
        "txt" => Some("text/plain; charset=utf-8"),
        "webmanifest" => Some("application/manifest+json"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}
