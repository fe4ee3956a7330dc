use crate::Hash;

/// The first byte of an entry's canonical bytes.
pub const VERSION: u8 = 1;

const CONTENT: &[u8] = b"yunshu audit content v1\n";

/// An entry of an audit log: what everybody who verifies it may see. What else it tells stays behind the commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Whose log it is in.
    pub tenant: [u8; 16],
    /// Its number in that log, from 1. Its index in the tree is one less.
    pub seq: u64,
    /// Its id.
    pub id: [u8; 16],
    /// When it happened, in microseconds since 1970.
    pub time_micros: i64,
    /// Who.
    pub actor: &'a str,
    /// With which credential.
    pub credential: Option<&'a str>,
    /// What.
    pub action: &'a str,
    /// On what.
    pub object: &'a str,
    /// How it ended.
    pub outcome: &'a str,
    /// In which request.
    pub request_id: [u8; 16],
    /// What [`commit`] made of its content.
    pub commitment: Hash,
}

impl Entry<'_> {
    /// Appends the bytes that are hashed. Numbers are big-endian, texts follow their length in four bytes, and what may
    /// be absent follows a byte that is 1 or 0: no two entries have the same bytes.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.tenant);
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.time_micros.to_be_bytes());
        text(out, self.actor);
        out.push(u8::from(self.credential.is_some()));
        if let Some(credential) = self.credential {
            text(out, credential);
        }
        text(out, self.action);
        text(out, self.object);
        text(out, self.outcome);
        out.extend_from_slice(&self.request_id);
        out.extend_from_slice(self.commitment.as_bytes());
    }

    /// Its hash in the tree.
    pub fn leaf(&self) -> Hash {
        self.leaf_in(&mut Vec::with_capacity(512))
    }

    /// The same, in a buffer that is used again.
    pub(crate) fn leaf_in(&self, buffer: &mut Vec<u8>) -> Hash {
        buffer.clear();
        // What tells leaves from nodes: RFC 9162, 2.1.1.
        buffer.push(0);
        self.canonical(buffer);
        Hash::of(buffer)
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Nothing of four gigabytes comes this far.
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The hash that stands for content in the log. Who is shown salt and content can check them; who is not learns
/// nothing, for the salt is random, and nobody ever will once it is destroyed.
pub fn commit(salt: &[u8; 32], content: &[u8]) -> Hash {
    commit_in(
        salt,
        content,
        &mut Vec::with_capacity(CONTENT.len() + 32 + content.len()),
    )
}

pub(crate) fn commit_in(salt: &[u8; 32], content: &[u8], buffer: &mut Vec<u8>) -> Hash {
    buffer.clear();
    buffer.extend_from_slice(CONTENT);
    buffer.extend_from_slice(salt);
    buffer.extend_from_slice(content);
    Hash::of(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'static> = Entry {
        tenant: [0x11; 16],
        seq: 7,
        id: [0x22; 16],
        time_micros: 1_700_000_000_000_001,
        actor: "user:ann",
        credential: Some("session:1"),
        action: "vm.create",
        object: "vm:web",
        outcome: "success",
        request_id: [0x33; 16],
        commitment: const_hash(),
    };

    const fn const_hash() -> Hash {
        Hash::new([0x44; 32])
    }

    #[test]
    fn the_canonical_bytes_are_what_the_format_says() {
        let mut bytes = Vec::new();
        ENTRY.canonical(&mut bytes);
        let wanted = [
            &[1][..],
            &[0x11; 16],
            &[0, 0, 0, 0, 0, 0, 0, 7],
            &[0x22; 16],
            &1_700_000_000_000_001_u64.to_be_bytes(),
            b"\0\0\0\x08user:ann",
            b"\x01\0\0\0\x09session:1",
            b"\0\0\0\x09vm.create",
            b"\0\0\0\x06vm:web",
            b"\0\0\0\x07success",
            &[0x33; 16],
            &[0x44; 32],
        ];
        assert_eq!(bytes, wanted.concat());
        assert_eq!(ENTRY.leaf(), crate::leaf_hash(&bytes));
    }

    #[test]
    fn t25_every_field_counts_and_none_runs_into_the_next() {
        let others = [
            Entry {
                tenant: [0; 16],
                ..ENTRY
            },
            Entry { seq: 8, ..ENTRY },
            Entry { id: [0; 16], ..ENTRY },
            Entry {
                time_micros: -1,
                ..ENTRY
            },
            Entry {
                actor: "user:bob",
                ..ENTRY
            },
            Entry {
                credential: None,
                ..ENTRY
            },
            Entry {
                credential: Some(""),
                ..ENTRY
            },
            Entry {
                action: "vm.creat",
                object: "evm:web",
                ..ENTRY
            },
            Entry { action: "", ..ENTRY },
            Entry { object: "", ..ENTRY },
            Entry {
                outcome: "denied",
                ..ENTRY
            },
            Entry {
                request_id: [0; 16],
                ..ENTRY
            },
            Entry {
                commitment: Hash::of(b""),
                ..ENTRY
            },
        ];
        let mut leaves: Vec<Hash> = others.iter().map(Entry::leaf).collect();
        leaves.push(ENTRY.leaf());
        leaves.sort();
        leaves.dedup();
        assert_eq!(leaves.len(), others.len() + 1);
    }

    #[test]
    fn salt_and_content_both_count() {
        let hash = commit(&[1; 32], b"{}");
        assert_eq!(
            hash,
            Hash::of(&[b"yunshu audit content v1\n", &[1; 32][..], b"{}"].concat())
        );
        assert_ne!(hash, commit(&[2; 32], b"{}"));
        assert_ne!(hash, commit(&[1; 32], b"{ }"));
    }
}
