//! The head of a qcow2 file, read by ourselves before any tool opens it.
//!
//! A header can name other files (a backing file, an external data file) that `qemu-img` and QEMU would open with the host's
//! rights: CVE-2024-32498 and its family. Such files are refused, and so is what we do not know.

use std::io::{self, Read};

const MAGIC: [u8; 4] = *b"QFI\xfb";
/// Dirty and corrupt bits are harmless; compression type is known to QEMU. The external data file is not among them.
const KNOWN_INCOMPATIBLE: u64 = 0b1_1011;
const EXTERNAL_DATA: u64 = 0b100;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the guest sees. Bytes.
    pub virtual_size: u64,
}

/// Why a file is not booted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be read, or ends too early.
    #[error("cannot read the header: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("not a qcow2 file of version 2 or 3")]
    NotQcow2,
    /// It names a backing file.
    #[error("it has a backing file")]
    Backing,
    /// It names a data file.
    #[error("it has an external data file")]
    ExternalData,
    /// It wants to be understood in a way we do not know.
    #[error("it needs features {0:#x} that are not known")]
    Unknown(u64),
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
}

/// Reads and judges a header.
pub fn inspect(mut file: impl Read) -> Result<Header, Error> {
    let mut head = [0; 80];
    // Version 2 ends at 72; such a file still has a cluster behind it.
    file.read_exact(&mut head)?;
    let version = be32(&head, 4);
    if !head.starts_with(&MAGIC) || !matches!(version, 2 | 3) {
        return Err(Error::NotQcow2);
    }
    if be64(&head, 8) != 0 || be32(&head, 16) != 0 {
        return Err(Error::Backing);
    }
    if be32(&head, 32) != 0 {
        return Err(Error::Encrypted);
    }
    let features = if version == 3 { be64(&head, 72) } else { 0 };
    if features & EXTERNAL_DATA != 0 {
        return Err(Error::ExternalData);
    }
    if features & !KNOWN_INCOMPATIBLE != 0 {
        return Err(Error::Unknown(features));
    }
    Ok(Header {
        virtual_size: be64(&head, 24),
    })
}

fn be32(head: &[u8; 80], at: usize) -> u32 {
    let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.unwrap_or_default())
}

fn be64(head: &[u8; 80], at: usize) -> u64 {
    let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
    u64::from_be_bytes(bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn good() -> [u8; 80] {
        let mut head = [0; 80];
        head[..4].copy_from_slice(&MAGIC);
        head[7] = 3;
        head[24..32].copy_from_slice(&(1u64 << 30).to_be_bytes());
        head
    }

    fn with(at: usize, value: u8) -> Result<Header, Error> {
        let mut head = good();
        head[at] = value;
        inspect(&head[..])
    }

    #[test]
    fn t55_only_a_plain_image_passes() {
        assert_eq!(inspect(&good()[..]).expect("a plain image").virtual_size, 1 << 30);
        assert!(matches!(with(15, 1), Err(Error::Backing)));
        assert!(matches!(with(19, 9), Err(Error::Backing)));
        assert!(matches!(with(35, 2), Err(Error::Encrypted)));
        assert!(matches!(with(79, 0b100), Err(Error::ExternalData)));
        assert!(matches!(with(72, 0x80), Err(Error::Unknown(_))));
        assert!(matches!(with(7, 1), Err(Error::NotQcow2)));
        assert!(matches!(with(0, b'X'), Err(Error::NotQcow2)));
        assert!(matches!(inspect(&good()[..79]), Err(Error::Read(_))));
    }

    proptest! {
        #[test]
        fn t55_no_header_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = inspect(&bytes[..]);
        }
    }
}
