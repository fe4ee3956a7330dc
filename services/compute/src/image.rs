//! What machines boot from. Never changed: another file is another image.

pub mod qcow2;

use chrono::{DateTime, Utc};
use host_api::{BootImage, Sha256};
use ids::ImageId;

use crate::check::Check;

/// The longest command line of a kernel, in bytes: what x86 kernels take.
const LONGEST_CMDLINE: usize = 2047;

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// Its files, as a host needs them.
    pub boot: BootImage,
    /// How large its disk is to a guest, in bytes; none for a kernel.
    pub virtual_size: Option<u64>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Image {
    /// The smallest disk it fits on, in GiB; 0 for a kernel.
    pub fn min_disk_gib(&self) -> u64 {
        self.virtual_size.unwrap_or_default().div_ceil(1 << 30)
    }
}

/// An image to be, as far as its description alone can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// The kernel or the disk.
    pub main: NewFile,
    /// What else there is to it.
    pub kind: NewKind,
}

/// What else there is to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewKind {
    /// A kernel.
    Kernel {
        /// Its initial file system.
        initrd: Option<NewFile>,
        /// Its command line.
        cmdline: String,
    },
    /// A disk.
    Disk,
}

/// A file to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Where it is.
    pub from: Whence,
    /// What its bytes must be.
    pub sha256: Sha256,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whence {
    /// Below the platform's folder for uploads.
    Upload(UploadPath),
    /// On the web.
    Url(String),
}

/// A relative path without any way up: parts of letters, digits, `.`, `_`, `-`, `+`, none beginning with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPath(Vec<String>);

impl UploadPath {
    /// The path, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            !part.is_empty()
                && part.len() <= 255
                && !part.starts_with(['.', '-'])
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let fits = parts.len() <= 8 && parts.iter().all(|one| part(one));
        fits.then(|| Self(parts.into_iter().map(str::to_owned).collect()))
    }

    /// Its folders and the file's own name.
    pub fn split(&self) -> (&[String], &str) {
        self.0.split_last().map_or((&[], ""), |(name, folders)| (folders, name))
    }
}

/// The source of a file as it came.
#[derive(Debug, Clone, Copy)]
pub struct SourceParts<'a> {
    /// `/path`
    pub path: Option<&'a str>,
    /// `/url`
    pub url: Option<&'a str>,
    /// `/sha256`
    pub sha256: &'a str,
}

impl NewFile {
    /// Checks a source; `pointer` is where it stands in the body. None means it was wrong, and noted.
    pub fn check(check: &mut Check, pointer: &str, parts: &SourceParts<'_>) -> Option<Self> {
        let sha256 = parts.sha256.parse().ok();
        let rule = "must be the SHA-256 of the file: 64 hexadecimal digits in lower case";
        check.that(sha256.is_some(), &format!("{pointer}/sha256"), rule);
        let from = match (parts.path, parts.url) {
            (Some(path), None) => {
                let path = UploadPath::parse(path);
                let rule = "must be a path below the uploads folder, of letters, digits, ., _, - and +";
                check.that(path.is_some(), &format!("{pointer}/path"), rule);
                path.map(Whence::Upload)
            }
            (None, Some(url)) => Some(Whence::Url(url.to_owned())),
            _ => {
                check.that(false, pointer, "must have either path or url");
                None
            }
        };
        Some(Self {
            from: from?,
            sha256: sha256?,
        })
    }
}

/// Notes what is wrong with a kernel's command line. It becomes an attribute of a domain, so no control characters.
pub fn check_cmdline(check: &mut Check, cmdline: &str) {
    let good = cmdline.len() <= LONGEST_CMDLINE && cmdline.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    check.that(good, "/cmdline", "must be at most 2047 printable ASCII characters");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t55_a_path_leads_nowhere_else() {
        for good in ["vmlinuz", "debian/12/disk.qcow2", "a_b-c+1.img"] {
            assert!(UploadPath::parse(good).is_some(), "{good}");
        }
        let deep = ["a"; 9].join("/");
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            ".hidden",
            "a/.ssh/id",
            "a\\b",
            "a b",
            "-rf",
            "a\0b",
            "ä",
            "~/x",
            "a:b",
            "%2e%2e/x",
            &deep,
        ] {
            assert!(UploadPath::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_source_is_one_of_two() {
        let digest = "ab".repeat(32);
        let parts = |path, url| SourceParts {
            path,
            url,
            sha256: &digest,
        };
        let errors = |parts| {
            let mut check = Check::default();
            let made = NewFile::check(&mut check, "/source", &parts);
            check.done().map(|()| made)
        };
        assert!(errors(parts(Some("a"), None)).unwrap().is_some());
        assert!(errors(parts(None, Some("https://example.org/"))).unwrap().is_some());
        assert!(errors(parts(None, None)).is_err());
        assert!(errors(parts(Some("a"), Some("https://example.org/"))).is_err());
        assert!(
            errors(SourceParts {
                sha256: "AB",
                ..parts(Some("a"), None)
            })
            .is_err()
        );
    }

    #[test]
    fn t51_a_command_line_is_printable() {
        for (line, good) in [
            ("console=ttyS0 quiet", true),
            ("", true),
            ("a\nb", false),
            ("ä", false),
            ("\u{1b}", false),
        ] {
            let mut check = Check::default();
            check_cmdline(&mut check, line);
            assert_eq!(check.done().is_ok(), good, "{line:?}");
        }
    }
}
