use proptest::prelude::*;
use serde::Deserialize;

use super::entry_line::{Line, Room};
use super::*;
use crate::{MAX_SIZE, text};

/// What any reader of JSON makes of an entry's line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "type")]
    kind: String,
    seq: u64,
    id: String,
    time: String,
    actor: String,
    credential: Option<String>,
    action: String,
    object: String,
    outcome: String,
    request_id: String,
    commitment: Hash,
    leaf: Hash,
    salt: Option<Hash>,
    content: Option<String>,
    proof: Option<Vec<Hash>>,
}

/// Whether it is what would be written, if anything.
fn is_written_so(line: &str) -> bool {
    let again = || {
        let read: Read = serde_json::from_str(line).ok()?;
        let (salt, content) = (read.salt.as_ref(), read.content.as_ref());
        let mut out = Vec::new();
        let written = EntryLine {
            entry: Entry {
                tenant: [0; 16],
                seq: read.seq,
                id: text::parse_uuid(&read.id)?,
                time_micros: text::parse_time(&read.time)?,
                actor: &read.actor,
                credential: read.credential.as_deref(),
                action: &read.action,
                object: &read.object,
                outcome: &read.outcome,
                request_id: text::parse_uuid(&read.request_id)?,
                commitment: read.commitment,
            },
            leaf: read.leaf,
            shown: salt.zip(content).map(|(salt, content)| Shown {
                salt: *salt.as_bytes(),
                content,
            }),
            proof: read.proof.as_deref(),
        };
        written.write(&mut out).ok()?;
        let half = salt.is_some() != content.is_some();
        (read.kind == "entry" && (half || out.strip_suffix(b"\n") == Some(line.as_bytes()))).then_some(half)
    };
    // Salt without content is for the verifier to refuse, and not written by anybody.
    again() == Some(false)
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z.:]{0,12}",
        any::<String>(),
        "[\u{0}-\u{7f}]{0,20}",
        r#"[\\"/\n\t\u{1}é{}]{0,12}"#
    ]
}

prop_compose! {
    fn lines()(
        texts in prop::collection::vec(texts(), 6),
        seq in 0..i64::MAX.unsigned_abs(),
        micros in 0..250_000_000_000_000_000_i64,
        bytes in any::<[u8; 32]>(),
        bearer in any::<bool>(),
        open in any::<bool>(),
        proof in prop::option::of(prop::collection::vec(any::<[u8; 32]>(), 0..5)),
    ) -> Vec<u8> {
        let id = bytes[..16].try_into().unwrap();
        let hash = Hash::from(bytes);
        let proof: Option<Vec<Hash>> = proof.map(|hashes| hashes.into_iter().map(Hash::from).collect());
        let line = EntryLine {
            entry: Entry {
                tenant: [0; 16],
                seq,
                id,
                time_micros: micros,
                actor: &texts[0],
                credential: bearer.then_some(texts[1].as_str()),
                action: &texts[2],
                object: &texts[3],
                outcome: &texts[4],
                request_id: id,
                commitment: hash,
            },
            leaf: hash,
            shown: open.then_some(Shown { salt: bytes, content: &texts[5] }),
            proof: proof.as_deref(),
        };
        let mut out = Vec::new();
        line.write(&mut out).unwrap();
        // Read back, it is what was written, field by field.
        let mut room = Room::default();
        let text = std::str::from_utf8(&out).unwrap().trim_end_matches('\n');
        let read = Line::parse(text, &mut room).unwrap();
        assert_eq!((read.seq, read.id, read.time_micros), (seq, id, micros));
        assert_eq!([&*read.actor, &*read.action, &*read.object, &*read.outcome], [&*texts[0], &*texts[2], &*texts[3], &*texts[4]]);
        assert_eq!(read.credential.as_deref(), bearer.then_some(texts[1].as_str()));
        assert_eq!((read.request_id, read.commitment, read.leaf), (id, hash, hash));
        assert_eq!((read.salt, read.content), (open.then_some(bytes), open));
        assert!(!open || room.content == texts[5]);
        assert_eq!(read.proof.then_some(room.proof), proof);
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_entry_is_read_if_and_only_if_it_would_be_written_so(
        line in lines(), changes in prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 0..3)
    ) {
        let mut bytes = line;
        bytes.pop();
        for (at, how, byte) in changes {
            let at = at.index(bytes.len());
            match how % 5 {
                0 => bytes[at] ^= 1 << (byte % 8),
                1 => bytes[at] = b"\"\\{}[],:nu0 "[usize::from(byte % 12)],
                2 => bytes.insert(at, b"\"\\{}[],:nu0 "[usize::from(byte % 12)]),
                3 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let mut room = Room::default();
            let read = Line::parse(text, &mut room).is_ok_and(|line| line.salt.is_some() == line.content);
            prop_assert_eq!(read, is_written_so(text), "{}", text);
        }
    }
}

#[test]
fn numbers_that_no_log_reaches_are_neither_written_nor_read() {
    let written = |seq| {
        let mut out = Vec::new();
        let entry = Entry {
            tenant: [0; 16],
            seq,
            id: [0; 16],
            time_micros: 0,
            actor: "",
            credential: None,
            action: "",
            object: "",
            outcome: "",
            request_id: [0; 16],
            commitment: Hash::from([0; 32]),
        };
        let line = EntryLine {
            entry,
            leaf: Hash::from([0; 32]),
            shown: None,
            proof: None,
        };
        line.write(&mut out).map(|()| String::from_utf8(out).unwrap())
    };
    let last = written(MAX_SIZE).unwrap();
    let read = |line: &str| Line::parse(line.trim_end(), &mut Room::default()).map(|line| line.seq);
    assert_eq!(read(&last), Ok(MAX_SIZE));
    assert_eq!(written(MAX_SIZE + 1), Err(crate::Error::Range));
    assert!(read(&last.replacen(&MAX_SIZE.to_string(), &(MAX_SIZE + 1).to_string(), 1)).is_err());
}

#[test]
fn lines_are_refused_in_any_other_spelling() {
    let good = r#"{"type":"checkpoint","note":"a\nb"}"#;
    assert!(wire::read::<wire::Checkpoint>(good).is_ok());
    for bad in [
        r#"{"type":"checkpoint", "note":"a\nb"}"#,
        r#"{"note":"a\nb","type":"checkpoint"}"#,
        r#"{"type":"checkpoint","note":"a\nb","more":1}"#,
        r#"{"type":"checkpoint","note":"a\u000ab"}"#,
        r#"{"type":"checkpoint","note":"\u0061\nb"}"#,
        r#"{"type":"checkpoint","note":"a\nb"} "#,
        r#"{"type":"checkpoint"}"#,
        r#"{"type":"checkpoint","note":"a\nb","note":"a\nb"}"#,
    ] {
        assert!(wire::read::<wire::Checkpoint>(bad).is_err(), "{bad}");
    }
}

#[test]
fn t26_long_lines_are_refused_before_they_fill_the_memory() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(b'x');
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }
    let mut reader = std::io::BufReader::new(Endless(0));
    let found = verify(&mut reader, &Trust::default()).unwrap_err();
    assert_eq!(found.what, What::TooLong);
    assert!(reader.get_ref().0 < 2 * MAX_LINE as u64);
}
