//! Shipping a serial console so that neither side has to remember anything across a restart.
//!
//! The host keeps the log file; the file is the truth about what was printed. A **stream** names one incarnation of
//! that file (it changes when the log is rotated or the VM is placed anew), and an **offset** is a place in it. The
//! control plane keeps a [`ConsoleTail`] per VM and says after every report how far it got ([`ConsoleAck`]). The host
//! ships from there, at most the last [`CONSOLE_TAIL`] bytes; what it had to skip is a gap that the tail marks.
//! A repeated or reordered chunk is dropped by its offset. Either side may restart, or lose its memory, at any time.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ids::VmId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::CONSOLE_TAIL;

/// What a chunk writes where bytes are missing.
const GAP: &[u8] = b"\r\n[...]\r\n";

/// A piece of a serial console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleChunk {
    /// Which incarnation of the log file, at most 64 characters; opaque.
    pub stream: String,
    /// Where in the stream the bytes begin.
    pub offset: u64,
    /// The bytes, base64 on the wire, at most [`CONSOLE_TAIL`]. Whatever the guest printed: any bytes at all.
    #[schema(value_type = String, format = Byte)]
    pub bytes: ConsoleBytes,
}

/// How far a console is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleAck {
    /// The VM.
    pub vm_id: VmId,
    /// The stream of the newest chunk; none when there was none yet.
    pub stream: Option<String>,
    /// Where the next chunk should begin.
    pub next: u64,
}

/// At most [`CONSOLE_TAIL`] bytes, base64 on the wire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsoleBytes(Vec<u8>);

impl ConsoleBytes {
    /// Keeps the last [`CONSOLE_TAIL`] bytes.
    #[must_use]
    pub fn last_of(mut bytes: Vec<u8>) -> Self {
        keep_last(&mut bytes);
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for ConsoleBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConsoleBytes({})", self.0.len())
    }
}

impl TryFrom<String> for ConsoleBytes {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| "not base64")?;
        if bytes.len() > CONSOLE_TAIL {
            Err("more than 64 KiB of console")
        } else {
            Ok(Self(bytes))
        }
    }
}

impl From<ConsoleBytes> for String {
    fn from(bytes: ConsoleBytes) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

/// The last [`CONSOLE_TAIL`] bytes of a console and how they were come by: what the control plane keeps of a VM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleTail {
    /// The stream of the newest chunk.
    pub stream: Option<String>,
    /// Where in it the next chunk should begin.
    pub next: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl ConsoleTail {
    /// Adds what is new in a chunk; says whether anything was.
    pub fn take(&mut self, chunk: &ConsoleChunk) -> bool {
        let bytes = chunk.bytes.as_slice();
        let same = self.stream.as_deref() == Some(&chunk.stream);
        let known = if same { self.next } else { 0 };
        let end = chunk.offset.saturating_add(bytes.len() as u64);
        if same && end <= known {
            return false;
        }

        let skip = usize::try_from(known.saturating_sub(chunk.offset)).unwrap_or(usize::MAX);
        if chunk.offset > known && !self.bytes.is_empty() {
            self.bytes.extend_from_slice(GAP);
        }
        self.bytes.extend_from_slice(bytes.get(skip..).unwrap_or_default());
        keep_last(&mut self.bytes);
        self.stream = Some(chunk.stream.clone());
        self.next = end;
        true
    }

    /// What to answer to the host.
    #[must_use]
    pub fn ack(&self, vm_id: VmId) -> ConsoleAck {
        ConsoleAck {
            vm_id,
            stream: self.stream.clone(),
            next: self.next,
        }
    }
}

fn keep_last(bytes: &mut Vec<u8>) {
    let surplus = bytes.len().saturating_sub(CONSOLE_TAIL);
    bytes.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(stream: &str, offset: u64, bytes: &[u8]) -> ConsoleChunk {
        ConsoleChunk {
            stream: stream.to_owned(),
            offset,
            bytes: ConsoleBytes::last_of(bytes.to_vec()),
        }
    }

    #[test]
    fn repeats_and_overlaps_add_nothing_twice() {
        let mut tail = ConsoleTail::default();
        assert!(tail.take(&chunk("a", 0, b"hello ")));
        assert!(!tail.take(&chunk("a", 0, b"hello ")));
        assert!(tail.take(&chunk("a", 3, b"lo world")));
        assert_eq!((tail.bytes.as_slice(), tail.next), (&b"hello world"[..], 11));
    }

    #[test]
    fn a_gap_is_marked_and_a_new_stream_follows() {
        let mut tail = ConsoleTail::default();
        tail.take(&chunk("a", 5, b"start"));
        tail.take(&chunk("a", 20, b"later"));
        tail.take(&chunk("b", 0, b"|next"));
        assert_eq!(tail.bytes, b"start\r\n[...]\r\nlater|next");
        assert_eq!((tail.stream.as_deref(), tail.next), (Some("b"), 5));
    }

    #[test]
    fn more_than_the_tail_is_refused_on_the_wire() {
        let wire = |len: usize| format!("\"{}\"", BASE64_STANDARD.encode(vec![b'x'; len]));
        assert!(serde_json::from_str::<ConsoleBytes>(&wire(CONSOLE_TAIL)).is_ok());
        assert!(serde_json::from_str::<ConsoleBytes>(&wire(CONSOLE_TAIL + 1)).is_err());
    }

    proptest! {
        /// Whatever is lost, repeated or late: what arrives is a suffix in order, bounded, and never twice.
        #[test]
        fn a_host_that_follows_acknowledgements_loses_nothing(
            log in proptest::collection::vec(any::<u8>(), 0..2000),
            fates in proptest::collection::vec((1usize..400, any::<bool>(), any::<bool>()), 0..40),
        ) {
            let mut tail = ConsoleTail::default();
            let mut kept = Vec::new();
            for (len, lost, late) in fates {
                let from = usize::try_from(tail.next)?;
                let part = chunk("s", from as u64, &log[from..(from + len).min(log.len())]);
                if lost { kept.push(part); continue; }
                tail.take(&part);
                if late && let Some(old) = kept.pop() { tail.take(&old); }
            }
            prop_assert_eq!(&tail.bytes[..], &log[..usize::try_from(tail.next)?]);
        }
    }
}
