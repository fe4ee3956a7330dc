use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a VM boots from. Fixed for the life of a placement: another image is another placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BootImage {
    /// Direct kernel boot.
    Kernel {
        /// The kernel.
        kernel: ImageFile,
        /// The initial file system.
        initrd: Option<ImageFile>,
        /// The kernel's command line, without what the host must add (nothing, today).
        cmdline: String,
    },
    /// A qcow2 file without backing or data file; VMs write to an overlay of their own.
    Disk {
        /// The file.
        disk: ImageFile,
    },
}

impl BootImage {
    /// Every file that must be on the host before the VM can be defined.
    pub fn files(&self) -> impl Iterator<Item = &ImageFile> {
        let (first, second) = match self {
            Self::Kernel { kernel, initrd, .. } => (kernel, initrd.as_ref()),
            Self::Disk { disk } => (disk, None),
        };
        std::iter::once(first).chain(second)
    }
}

/// One immutable file, named by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageFile {
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its length in bytes.
    pub size: u64,
}

impl ImageFile {
    /// Where to download it, below the API base.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/hypervisor/images/{}", self.sha256)
    }
}

/// A SHA-256 as 64 lower-case hexadecimal digits. It becomes a file name on hosts, so nothing else parses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9a-f]{64}$")]
pub struct Sha256(String);

/// The text was not a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: expected 64 lower-case hexadecimal digits")]
pub struct NotASha256;

impl Sha256 {
    /// From the 32 bytes of a digest.
    #[must_use]
    pub fn of_digest(digest: [u8; 32]) -> Self {
        use fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256 {
    type Error = NotASha256;

    fn try_from(text: String) -> Result<Self, NotASha256> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits && text.len() == 64 {
            Ok(Self(text))
        } else {
            Err(NotASha256)
        }
    }
}

impl FromStr for Sha256 {
    type Err = NotASha256;

    fn from_str(text: &str) -> Result<Self, NotASha256> {
        Self::try_from(text.to_owned())
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_digest_is_a_digest() {
        let good = "ab".repeat(32);
        assert_eq!(good.parse::<Sha256>().map(|d| d.to_string()), Ok(good.clone()));
        for bad in [
            "",
            "../../etc/passwd",
            &good.to_uppercase(),
            &good[1..],
            &format!("{good}0"),
            &good.replace('a', "/"),
        ] {
            assert_eq!(bad.parse::<Sha256>(), Err(NotASha256), "{bad}");
        }
        assert_eq!(Sha256::of_digest([0xab; 32]).as_str(), good);
    }

    #[test]
    fn an_image_names_each_file_it_needs() {
        let file = |byte| ImageFile {
            sha256: Sha256::of_digest([byte; 32]),
            size: 1,
        };
        let boot = BootImage::Kernel {
            kernel: file(1),
            initrd: Some(file(2)),
            cmdline: String::new(),
        };
        assert_eq!(
            boot.files().map(ImageFile::path).collect::<Vec<_>>(),
            [file(1).path(), file(2).path()]
        );
        assert_eq!(BootImage::Disk { disk: file(3) }.files().count(), 1);
    }
}
