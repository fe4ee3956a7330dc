//! Reads the header of a qcow2 file and refuses what could hurt a host.
//!
//! A disk image is a program for the reader of its format: it can name other files of the host as its backing or data
//! file (CVE-2024-32498), promise petabytes, or point its tables outside the file. So nothing but this parser touches an
//! image before it is known to be a plain, clean, self-contained disk. It reads bytes and computes; it opens nothing.
//! Layout: the qcow2 specification of QEMU (`docs/interop/qcow2`), versions 2 and 3.

/// How much of the file's beginning must be handed to [`inspect`], or all of a shorter file. Bytes.
pub const HEAD: usize = 64 * 1024;

/// The largest disk a guest may see, in bytes: 64 TiB, the largest flavor.
pub const LARGEST: u64 = 64 << 40;

/// Bounds QEMU itself sets to the two tables it keeps in memory. Bytes.
const LARGEST_L1: u64 = 32 << 20;
const LARGEST_REFTABLE: u64 = 8 << 20;

/// Incompatible features that are taken: only the type of compression.
const COMPRESSION: u64 = 1 << 3;
const DIRTY: u64 = 1 << 0;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
/// The autoclear feature that says the data file stands alone: no business of an image without one.
const RAW_DATA_FILE: u64 = 1 << 1;

/// Header extensions that are harmless: names of features for people. Everything else is refused.
const END: u32 = 0;
const FEATURE_NAMES: u32 = 0x6803_f857;

/// What an entry of the first table may have set beside an offset: the flag of a single reference.
const L1_OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const L1_COPIED: u64 = 1 << 63;

/// A disk whose header is in order. Its first table is yet to be read: see [`Qcow2::check_l1`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qcow2 {
    /// How large the disk is to a guest. Bytes.
    pub virtual_size: u64,
    /// Where the first table begins. Bytes.
    pub l1_offset: u64,
    /// How long the first table is. Bytes.
    pub l1_bytes: u64,
    cluster: u64,
    file_size: u64,
}

/// Why a file is not taken as a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not begin like one.
    #[error("is not a qcow2 file")]
    Magic,
    /// It ends inside its header.
    #[error("ends inside its header")]
    Short,
    /// Neither version 2 nor 3.
    #[error("has a version other than 2 and 3")]
    Version,
    /// It stands on another file.
    #[error("has a backing file: flatten it with `qemu-img convert -O qcow2`")]
    BackingFile,
    /// Its bytes are in another file.
    #[error("has an external data file: make it whole with `qemu-img convert -O qcow2`")]
    DataFile,
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// It has snapshots inside.
    #[error("has internal snapshots: remove them with `qemu-img convert -O qcow2`")]
    Snapshots,
    /// It was not closed properly, or is known to be broken.
    #[error("was not closed properly or is corrupt: mend it with `qemu-img check -r all`")]
    Unclean,
    /// It needs a feature that is not taken.
    #[error("needs a feature that is not taken: rewrite it with `qemu-img convert -O qcow2`")]
    Feature,
    /// It has a header extension that is not taken.
    #[error("has a header extension that is not taken: rewrite it with `qemu-img convert -O qcow2`")]
    Extension,
    /// Its size to a guest is out of bounds.
    #[error("has a virtual size of 0, over 64 TiB, or no whole number of sectors")]
    VirtualSize,
    /// A table is too small, too large, askew or outside the file.
    #[error("has tables that do not fit its size")]
    Tables,
}

/// Big-endian numbers at fixed places.
struct Head<'a>(&'a [u8]);

impl Head<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N], Refused> {
        let end = at.checked_add(N).ok_or(Refused::Short)?;
        self.0
            .get(at..end)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(Refused::Short)
    }

    fn u32(&self, at: usize) -> Result<u32, Refused> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    fn u64(&self, at: usize) -> Result<u64, Refused> {
        self.bytes(at).map(u64::from_be_bytes)
    }
}

/// Reads the header. `head` is the beginning of the file ([`HEAD`]), `file_size` its whole length in bytes.
pub fn inspect(head: &[u8], file_size: u64) -> Result<Qcow2, Refused> {
    let head = Head(head);
    if head.bytes(0).map_err(|_| Refused::Magic)? != *b"QFI\xfb" {
        return Err(Refused::Magic);
    }
    let version = head.u32(4)?;
    if !matches!(version, 2 | 3) {
        return Err(Refused::Version);
    }
    if (head.u64(8)?, head.u32(16)?) != (0, 0) {
        return Err(Refused::BackingFile);
    }
    if head.u32(32)? != 0 {
        return Err(Refused::Encrypted);
    }
    if (head.u32(60)?, head.u64(64)?) != (0, 0) {
        return Err(Refused::Snapshots);
    }
    let length = if version == 3 { features(&head)? } else { 72 };
    let cluster_bits = head.u32(20)?;
    if !(9..=21).contains(&cluster_bits) {
        return Err(Refused::Tables);
    }
    let cluster = 1_u64 << cluster_bits;
    extensions(&head, length, cluster)?;
    tables(&head, cluster, file_size)
}

/// The fields of version 3; answers the header's length.
fn features(head: &Head<'_>) -> Result<usize, Refused> {
    let incompatible = head.u64(72)?;
    if incompatible & DATA_FILE != 0 || head.u64(88)? & RAW_DATA_FILE != 0 {
        return Err(Refused::DataFile);
    }
    if incompatible & (DIRTY | CORRUPT) != 0 {
        return Err(Refused::Unclean);
    }
    if incompatible & !COMPRESSION != 0 || head.u32(96)? > 6 {
        return Err(Refused::Feature);
    }
    let length = head.u32(100)?;
    if !(104..=512).contains(&length) || !length.is_multiple_of(8) {
        return Err(Refused::Tables);
    }
    let compression = if length > 104 { head.bytes::<1>(104)?[0] } else { 0 };
    // 0 is zlib, which needs no feature bit; 1 is zstd, which does.
    match (incompatible & COMPRESSION != 0, compression) {
        (false, 0) | (true, 1) => Ok(length as usize),
        _ => Err(Refused::Feature),
    }
}

/// Walks the extensions between header and the end of the first cluster.
fn extensions(head: &Head<'_>, mut at: usize, cluster: u64) -> Result<(), Refused> {
    while (at as u64).saturating_add(8) <= cluster {
        let (kind, length) = (head.u32(at)?, head.u32(at + 4)?);
        match kind {
            END => return Ok(()),
            FEATURE_NAMES => {}
            _ => return Err(Refused::Extension),
        }
        // Padded to eight bytes. 32 bits on a 64-bit machine: no overflow.
        at = at
            .saturating_add(8)
            .saturating_add((length as usize).next_multiple_of(8));
    }
    Ok(())
}

fn tables(head: &Head<'_>, cluster: u64, file_size: u64) -> Result<Qcow2, Refused> {
    let virtual_size = head.u64(24)?;
    if virtual_size == 0 || virtual_size > LARGEST || !virtual_size.is_multiple_of(512) {
        return Err(Refused::VirtualSize);
    }
    let (l1_offset, l1_bytes) = (head.u64(40)?, u64::from(head.u32(36)?) * 8);
    // An entry of the first table leads to one cluster of entries of eight bytes, each of which leads to a cluster.
    let reach = cluster * (cluster / 8);
    if l1_bytes / 8 < virtual_size.div_ceil(reach) || l1_bytes > LARGEST_L1 {
        return Err(Refused::Tables);
    }
    let (counts_offset, counts_bytes) = (head.u64(48)?, u64::from(head.u32(56)?) * cluster);
    if counts_bytes == 0 || counts_bytes > LARGEST_REFTABLE {
        return Err(Refused::Tables);
    }
    let found = Qcow2 {
        virtual_size,
        l1_offset,
        l1_bytes,
        cluster,
        file_size,
    };
    let inside = found.holds(l1_offset, l1_bytes) && found.holds(counts_offset, counts_bytes);
    // Sums of stretches inside the file do not overflow.
    if inside && (l1_offset + l1_bytes <= counts_offset || counts_offset + counts_bytes <= l1_offset) {
        Ok(found)
    } else {
        Err(Refused::Tables)
    }
}

impl Qcow2 {
    /// Does this stretch begin on a cluster behind the header's and end inside the file?
    fn holds(&self, offset: u64, bytes: u64) -> bool {
        offset.is_multiple_of(self.cluster)
            && offset >= self.cluster
            && offset.checked_add(bytes).is_some_and(|end| end <= self.file_size)
    }

    /// Checks a piece of the first table (whole entries of eight bytes): every second table lies inside the file.
    pub fn check_l1(&self, piece: &[u8]) -> Result<(), Refused> {
        for entry in piece.chunks(8) {
            let entry = u64::from_be_bytes(entry.try_into().map_err(|_| Refused::Tables)?);
            if entry & !(L1_OFFSET | L1_COPIED) != 0 {
                return Err(Refused::Tables);
            }
            let offset = entry & L1_OFFSET;
            if offset != 0 && !self.holds(offset, self.cluster) {
                return Err(Refused::Tables);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
