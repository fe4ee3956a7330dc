//! The corpus that is committed, and the vectors, through what the fuzzer calls.
//!
//! After a change on purpose: `VECTORS=write cargo test -p tlog --test hostile`, and commit what it wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test says by panicking what is wrong, and so do the fuzzer's functions"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::path::{Path, PathBuf};
use std::{env, fs};

use proptest::prelude::*;
use tlog::{Hash, tiles};

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn kept(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
    files
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect()
}

fn vectors(ending: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/audit/verifier/vectors");
    let wanted = kept(&folder).into_iter().filter(|(name, _)| name.ends_with(ending));
    wanted.map(|(_, bytes)| bytes).collect()
}

fn packed(from: u64, to: u64, leaf: Hash, path: &[Hash]) -> Vec<u8> {
    let mut bytes = [from.to_be_bytes(), to.to_be_bytes()].concat();
    for hash in std::iter::once(&leaf).chain(path) {
        bytes.extend(hash.as_bytes());
    }
    bytes
}

/// What the corpora begin with.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let (bench, size) = (targets::bench(), targets::SIZE);
    let mut seeds = Vec::new();
    for at in [1_u64, 2, 31, 32, 63, 64, 65, 98, 99] {
        let place = usize::try_from(at).unwrap();
        let included = tiles::inclusion_proof(&bench.tiles, at, size).unwrap();
        let grown = tiles::consistency_proof(&bench.tiles, at, size).unwrap();
        let cut = packed(at, size, bench.leaves[place], &included[1..]);
        seeds.push((
            "proof",
            format!("included-{at}"),
            packed(at, size, bench.leaves[place], &included),
        ));
        seeds.push((
            "proof",
            format!("grown-{at}"),
            packed(at, size, bench.roots[place], &grown),
        ));
        seeds.push(("proof", format!("cut-{at}"), cut));
    }
    let many = vec![bench.leaves[0]; 70];
    for (name, from, to) in [
        ("largest", u64::MAX, u64::MAX),
        ("nothing", 0, 0),
        ("back", 9, 3),
        ("edge", 1 << 62, i64::MAX as u64),
    ] {
        seeds.push(("proof", name.to_owned(), packed(from, to, bench.leaves[0], &many)));
    }
    let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let text = "cloud.example\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ntime 1\n";
    seeds.push(("note", "key".to_owned(), key.as_bytes().to_vec()));
    seeds.push(("note", "checkpoint".to_owned(), text.as_bytes().to_vec()));
    seeds.push(("note", "unsigned".to_owned(), format!("{text}\n").into_bytes()));
    seeds.push((
        "note",
        "stranger".to_owned(),
        format!("{text}\n\u{2014} a AAAAAAAA\n").into_bytes(),
    ));
    seeds
}

/// The lines of a vector, each with its newline.
fn lines_of(vector: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/audit/verifier/vectors");
    let text = fs::read_to_string(folder.join(vector)).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// Files that no vector is, and that a verifier reads far into.
fn files() -> Vec<(&'static str, String, Vec<u8>)> {
    let (whole, chosen) = (lines_of("good-whole.ndjson"), lines_of("good-selection-linked.ndjson"));
    let (registered, continued) = (
        lines_of("good-registered.ndjson"),
        lines_of("good-continued-linked.ndjson"),
    );
    let at = registered
        .iter()
        .position(|line| line.starts_with(r#"{"type":"head""#))
        .unwrap();
    let with_head = |line: String| [&registered[..at], &[line], &registered[at + 1..]].concat();
    let head = registered[at].clone();
    let in_head = |from: &str, to: &str| {
        assert!(head.contains(from), "{from}");
        with_head(head.replacen(from, to, 1))
    };
    let many = format!(
        "\"proof\":[{}",
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",".repeat(70)
    );
    let before = [&registered[..1], std::slice::from_ref(&head), &registered[1..at]].concat();
    let named = [
        ("head-alone", vec![registered[0].clone(), head.clone()]),
        ("head-before-all", before),
        ("head-long-proof", in_head("\"proof\":[", &many)),
        ("head-far", in_head("\"index\":", "\"index\":1844674407370955161")),
        ("head-late", in_head("\"time\":", "\"time\":99999999")),
        ("head-in-old-version", {
            let mut old = registered.clone();
            old[0] = old[0].replacen("yunshu-audit/2", "yunshu-audit/1", 1);
            old
        }),
        ("head-cut", with_head(head[..head.len() / 2].to_owned())),
        ("no-head-in-new-version", registered[..at].to_vec()),
        ("selection-without-checkpoint", [&chosen[..1], &chosen[3..]].concat()),
        (
            "selection-link-first",
            [&chosen[..1], &chosen[2..3], &chosen[1..2], &chosen[3..]].concat(),
        ),
        ("stretch-without-frontier", [&continued[..1], &continued[2..]].concat()),
        ("stretch-huge-frontier", {
            let mut huge = continued.clone();
            huge[1] = huge[1].replacen("\"size\":5", "\"size\":9223372036854775807", 1);
            huge
        }),
        ("checkpoint-alone", vec![whole[0].clone(), whole[5].clone()]),
        ("two-beginnings", [&whole[..2], &whole[..]].concat()),
    ];
    let file = |(name, lines): (&str, Vec<String>)| ("bundle", name.to_owned(), lines.concat().into_bytes());
    named.into_iter().map(file).collect()
}

#[test]
fn t26_the_corpora_are_replayed_through_what_the_fuzzer_calls() {
    for (target, name, bytes) in seeds().into_iter().chain(files()) {
        let folder = corpus(target);
        if env::var("VECTORS").is_ok_and(|how| how == "write") {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&name), &bytes).unwrap();
        }
        assert_eq!(fs::read(folder.join(&name)).unwrap(), bytes, "{target} {name}");
    }
    let mut replayed = 0;
    for (name, target) in [
        ("proof", targets::proof as fn(&[u8])),
        ("note", targets::note),
        ("bundle", targets::bundle),
    ] {
        for (_, bytes) in kept(&corpus(name)) {
            target(&bytes);
            replayed += 1;
        }
    }
    for bytes in vectors(".ndjson") {
        targets::bundle(&bytes);
        replayed += 1;
    }
    for bytes in vectors(".checkpoint") {
        targets::note(&bytes);
        replayed += 1;
    }
    assert!(replayed >= 80, "{replayed}");
}

fn spoilt(good: &[u8], changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (at, how, byte) in changes {
        let at = at.index(bytes.len().max(1));
        match how % 4 {
            _ if bytes.is_empty() => bytes.push(*byte),
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at] = *byte,
            2 => bytes.insert(at, *byte),
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn t26_what_is_near_a_proof_or_note_is_judged_and_stops_nothing(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 0..=4)
    ) {
        let seeds = seeds();
        let (_, _, good): &(&str, String, Vec<u8>) = which.get(&seeds);
        let bytes = spoilt(good, &changes);
        targets::proof(&bytes);
        targets::note(&bytes);
    }

    #[test]
    fn t26_what_is_near_a_file_is_judged_and_stops_nothing(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 0..=4)
    ) {
        let vectors: Vec<Vec<u8>> = vectors(".ndjson");
        let good: &Vec<u8> = which.get(&vectors);
        targets::bundle(&spoilt(good, &changes));
    }
}
