//! The files that any verifier of the format can be tried with.
//!
//! After a change on purpose: `VECTORS=write cargo test -p tlog --test vectors`, and commit what it wrote.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a test says by panicking what is wrong"
)]

#[path = "made/case.rs"]
mod case;
#[path = "made/log.rs"]
mod made;

use std::path::{Path, PathBuf};
use std::{env, fs};

use case::{Case, Folder, Verdict};
use made::{Chance, Item, Made, ORIGIN, Owned, Registered, TENANT, signer, written};
use tlog::bundle::Trust;
use tlog::note::Signer;
use tlog::{Checkpoint, tiles};

struct Vector {
    name: &'static str,
    bytes: Vec<u8>,
    trust: Trust,
    /// The code and the entry of a bad one.
    wanted: Option<(&'static str, Option<u64>)>,
}

fn log() -> Made {
    let mut log = Made::new(&mut Chance(2026), 9);
    log.checkpoints = vec![4, 9];
    log
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/audit/verifier/vectors")
}

/// Changes the entry.
fn with(items: &[Item], seq: u64, change: impl Fn(&mut Owned)) -> Vec<Item> {
    let mut items = items.to_vec();
    for item in &mut items {
        if let Item::Entry(entry) = item
            && entry.seq == seq
        {
            change(entry);
        }
    }
    items
}

fn good(name: &'static str, items: &[Item], trust: Trust) -> Vector {
    Vector {
        name,
        bytes: written(items),
        trust,
        wanted: None,
    }
}

fn bad(name: &'static str, items: &[Item], trust: Trust, code: &'static str, seq: u64) -> Vector {
    Vector {
        wanted: Some((code, Some(seq))),
        ..good(name, items, trust)
    }
}

fn link(log: &Made, from: u64, to: u64) -> Item {
    Item::Consistency(from, to, tiles::consistency_proof(&log.tiles(), from, to).unwrap())
}

/// Two witnesses are known, of whom one has cosigned.
fn two_witnesses(needed: usize) -> Trust {
    let known = log().trust(None);
    Trust {
        witnesses: vec![signer(3).public_cosigner(), made::witness().public_cosigner()],
        witnesses_needed: Some(needed),
        ..known
    }
}

/// A log whose key was changed after the fourth entry.
fn rotated() -> (Vec<Item>, Trust) {
    let (old, mut new) = (log(), log());
    new.key = 5;
    let mut line = new.log_line(true, 1);
    let mut before = old.log_line(true, 1).keys.remove(0);
    let change = (made::START + 60) * 1_000_000;
    before.until = Some(i64::try_from(change).unwrap());
    line.keys[0].from = i64::try_from(change).unwrap();
    line.keys.insert(0, before);
    let mut items = old.stretch(1);
    items[0] = Item::Log(line);
    *items.last_mut().unwrap() = Item::Checkpoint(new.note(9));
    let trust = Trust {
        keys: vec![signer(1).public(), signer(5).public()],
        ..log().trust(Some(4))
    };
    (items, trust)
}

fn good_ones() -> Vec<Vector> {
    let log = log();
    let whole = log.stretch(1);
    let erased = [2, 3, 8].iter().fold(whole.clone(), |items, seq| {
        with(&items, *seq, |entry| entry.shown = None)
    });
    let mut linked = log.stretch(6);
    linked.push(link(&log, 4, 9));
    let mut older = log.clone();
    older.entries.truncate(6);
    older.checkpoints = vec![6];
    let mut older = older.stretch(1);
    older.push(link(&log, 6, 9));
    let mut chosen = log.selection(|entry| entry.seq % 3 == 0);
    chosen.insert(2, link(&log, 4, 9));
    let (rotated, keys) = rotated();
    vec![
        good("good-whole", &whole, log.trust(Some(4))),
        good("good-nothing-named", &whole, Trust::default()),
        good("good-erased", &erased, log.trust(Some(9))),
        good("good-continued", &log.stretch(5), log.trust(Some(4))),
        good("good-continued-linked", &linked, log.trust(Some(4))),
        good("good-older-linked", &older, log.trust(Some(9))),
        good(
            "good-selection",
            &log.selection(|entry| [2, 7].contains(&entry.seq)),
            log.trust(Some(9)),
        ),
        good("good-selection-linked", &chosen, log.trust(Some(4))),
        good("good-two-keys", &rotated, keys),
        good("good-one-witness-of-two", &whole, two_witnesses(1)),
    ]
}

fn bad_entries() -> Vec<Vector> {
    let log = log();
    let whole = log.stretch(1);
    let chance = &mut Chance(5);
    let trust = || log.trust(None);
    let forged = with(&whole, 7, |entry| {
        "user:mallory".clone_into(&mut entry.actor);
        entry.hash();
    });
    let mut removed = whole.clone();
    removed.retain(|item| !matches!(item, Item::Entry(entry) if entry.seq == 6));
    let mut put_in = whole.clone();
    put_in.insert(8, Item::Entry(Owned::made(chance, TENANT, 7)));
    let mut swapped = whole.clone();
    swapped.swap(2, 3);
    let mut repeated = whole.clone();
    repeated.insert(9, whole[7].clone());
    let stranger = Owned::made(chance, [9; 16], 3);
    let content = with(&whole, 8, |entry| "{}".clone_into(&mut entry.shown.as_mut().unwrap().1));
    let mut spelt = written(&whole);
    let text = String::from_utf8(spelt.clone()).unwrap();
    spelt.clear();
    spelt.extend(text.replacen(r#""seq":3,"#, r#""seq": 3,"#, 1).into_bytes());
    let half = text.lines().map(|line| {
        let at = line
            .find(r#","content":"#)
            .filter(|_| line.starts_with(r#"{"type":"entry","seq":2,"#));
        at.map_or(line.to_owned(), |at| format!("{},\"content\":null}}", &line[..at]))
    });
    let half: String = half.map(|line| line + "\n").collect();
    vec![
        bad(
            "bad-field",
            &with(&whole, 6, |entry| entry.actor.push('x')),
            trust(),
            "leaf",
            6,
        ),
        bad("bad-field-recomputed", &forged, trust(), "root", 5),
        bad("bad-removed", &removed, trust(), "gap", 6),
        bad("bad-put-in", &put_in, trust(), "gap", 7),
        bad("bad-swapped", &swapped, trust(), "gap", 2),
        bad("bad-repeated", &repeated, trust(), "gap", 8),
        bad(
            "bad-tenant",
            &with(&whole, 3, |entry| *entry = stranger.clone()),
            trust(),
            "leaf",
            3,
        ),
        bad("bad-content", &content, trust(), "content", 8),
        Vector {
            bytes: half.into_bytes(),
            ..bad("bad-half-shown", &whole, trust(), "half_shown", 2)
        },
        Vector {
            bytes: spelt,
            ..bad("bad-spelling", &whole, trust(), "malformed", 3)
        },
        bad("bad-cut", &whole[..9], trust(), "open", 5),
        bad(
            "bad-cut-at-checkpoint",
            &whole[..6],
            log.trust(Some(9)),
            "rolled_back",
            5,
        ),
    ]
}

/// The log with another third entry, all of it recomputed and signed.
fn forked() -> Made {
    let mut forked = log();
    "denied!".clone_into(&mut forked.entries[2].outcome);
    forked.entries[2].hash();
    forked
}

fn bad_checkpoints() -> Vec<Vector> {
    let log = log();
    let whole = log.stretch(1);
    let mut late = whole.clone();
    if let Item::Log(line) = &mut late[0] {
        line.keys[0].until = Some(line.keys[0].from + 60_000_000);
    }
    let with_note = |note: String| {
        let mut items = whole.clone();
        items[5] = Item::Checkpoint(note);
        items
    };
    let signed = |checkpoint: &Checkpoint| {
        let text = checkpoint.to_string();
        with_note(format!("{text}\n{}", signer(1).sign(&text)))
    };
    let smaller = with_note(log.note(4).replacen("\n4\n", "\n3\n", 1));
    let root = log.frontier(4).root();
    let elsewhere = signed(&Checkpoint::at("cloud.example/other", 4, root, made::START));
    let timeless = signed(&Checkpoint {
        extensions: Vec::new(),
        ..Checkpoint::at(ORIGIN, 4, root, 0)
    });
    let mut misplaced = whole.clone();
    misplaced.swap(5, 6);
    let other = Trust {
        witnesses: vec![signer(3).public_cosigner()],
        ..log.trust(None)
    };
    vec![
        bad("bad-key-time", &late, log.trust(None), "key_time", 5),
        bad("bad-signature", &smaller, log.trust(None), "signature", 1),
        bad("bad-origin", &elsewhere, log.trust(None), "origin", 1),
        bad("bad-no-time", &timeless, log.trust(None), "no_time", 1),
        bad("bad-place", &misplaced, log.trust(None), "place", 1),
        Vector {
            wanted: Some(("witness", None)),
            ..good("bad-witness", &whole, other)
        },
        Vector {
            wanted: Some(("witness", None)),
            ..good("bad-two-witnesses-of-two", &whole, two_witnesses(2))
        },
        Vector {
            wanted: Some(("trusted", None)),
            ..good("bad-witnesses-needed", &whole, two_witnesses(3))
        },
    ]
}

fn bad_histories() -> Vec<Vector> {
    let (log, forked) = (log(), forked());
    let mut false_key = forked.clone();
    false_key.key = 2;
    let selection = log.selection(|entry| entry.seq > 5);
    let Some(Item::Entry(last)) = selection.last().cloned() else {
        unreachable!("an entry stands there")
    };
    let proof = with(&selection, 7, |entry| entry.proof.clone_from(&last.proof));
    let mut order = selection.clone();
    order.swap(3, 4);
    let mut frontier = log.stretch(5);
    frontier.remove(1);
    let believing = Trust {
        keys: Vec::new(),
        ..log.trust(Some(9))
    };
    vec![
        bad("bad-split", &forked.stretch(1), log.trust(Some(9)), "split", 1),
        bad(
            "bad-split-continued",
            &forked.stretch(5),
            log.trust(Some(4)),
            "split",
            1,
        ),
        bad(
            "bad-selection-split",
            &forked.selection(|_| true),
            log.trust(Some(9)),
            "split",
            1,
        ),
        bad("bad-key", &false_key.stretch(1), log.trust(None), "unsigned", 1),
        bad("bad-proof", &proof, log.trust(None), "proof", 7),
        bad("bad-order", &order, log.trust(None), "order", 7),
        bad("bad-frontier", &frontier, log.trust(None), "frontier", 5),
        bad("bad-unlinked", &log.stretch(6), log.trust(Some(4)), "unlinked", 6),
        Vector {
            wanted: Some(("trusted", None)),
            ..good("bad-trusted", &false_key.stretch(1), believing)
        },
    ]
}

/// The whole log, and a line that says where its end stands in the register.
fn registered(log: &Made, head: Registered) -> Vec<Item> {
    let mut items = log.stretch(1);
    items.push(Item::Head(head));
    items
}

fn good_heads() -> Vec<Vector> {
    let log = log();
    let leaves = log.register();
    let head = log.head(&leaves, 9);
    let mut linked = registered(&log, head.clone());
    linked.push(link(&log, 4, 9));
    let mut chosen = log.selection(|entry| entry.seq % 3 == 0);
    chosen.insert(2, Item::Head(head.clone()));
    // The witness knows the register alone: one cosignature for all logs.
    let mut of_register = registered(&log, head);
    for item in &mut of_register {
        if let Item::Checkpoint(note) = item {
            let end = note.trim_end().rfind('\n').unwrap();
            note.truncate(end + 1);
        }
    }
    vec![
        good("good-registered", &linked, log.trust(Some(4))),
        good("good-registered-selection", &chosen, log.trust(Some(9))),
        good("good-registered-cosigned", &of_register, log.trust(None)),
    ]
}

fn bad_heads() -> Vec<Vector> {
    let (log, forked) = (log(), forked());
    let leaves = log.register();
    let good_head = log.head(&leaves, 9);
    let spoilt = |name, code, change: &dyn Fn(&mut Registered)| {
        let mut head = good_head.clone();
        change(&mut head);
        Vector {
            wanted: Some((code, None)),
            ..good(name, &registered(&log, head), log.trust(None))
        }
    };
    let other_name = |head: &mut Registered| {
        let text = head.note.split("\n\n").next().unwrap().to_owned() + "\n";
        let text = text.replace("/register", "/heads");
        head.note = format!("{text}\n{}", signer(1).sign(&text));
    };
    let stranger = |head: &mut Registered| {
        let text = head.note.split("\n\n").next().unwrap().to_owned() + "\n";
        head.note = format!("{text}\n{}", Signer::from_seed(ORIGIN, &[9; 32]).unwrap().sign(&text));
    };
    let mut early = log.stretch(1);
    early.insert(6, Item::Head(log.head(&leaves, 4)));
    let mut twice = registered(&log, good_head.clone());
    twice.push(Item::Head(good_head.clone()));
    let old = String::from_utf8(written(&registered(&log, good_head.clone()))).unwrap();
    vec![
        // Another history, of which the register knows nothing; and the other way round.
        Vector {
            wanted: Some(("head", None)),
            ..good(
                "bad-register-forked",
                &registered(&forked, good_head.clone()),
                Trust::default(),
            )
        },
        spoilt("bad-register-older-head", "head", &|head| {
            head.head = log.head(&leaves, 4).head;
        }),
        spoilt("bad-register-time", "head", &|head| {
            head.time += 1;
        }),
        spoilt("bad-register-blind", "head", &|head| {
            head.blind = [78; 32];
        }),
        spoilt("bad-register-begun", "head", &|head| {
            head.begun = head.head.clone();
        }),
        spoilt("bad-register-unsigned", "unsigned", &stranger),
        spoilt("bad-register-signature", "signature", &|head| {
            head.note = head.note.replacen("\n6\n", "\n7\n", 1);
        }),
        spoilt("bad-register-origin", "origin", &other_name),
        bad("bad-register-early", &early, log.trust(None), "misplaced", 5),
        bad("bad-register-twice", &twice, log.trust(None), "misplaced", 10),
        Vector {
            bytes: old.replacen("yunshu-audit/2", "yunshu-audit/1", 1).into_bytes(),
            ..bad(
                "bad-register-version",
                &log.stretch(1),
                log.trust(None),
                "malformed",
                10,
            )
        },
    ]
}

#[test]
fn t25_t26_both_verifiers_judge_the_vectors_as_they_should() {
    let all = [
        good_ones(),
        good_heads(),
        bad_entries(),
        bad_checkpoints(),
        bad_histories(),
        bad_heads(),
    ];
    let all: Vec<Vector> = all.into_iter().flatten().collect();
    let made = Folder::empty("vectors");
    let cases: Vec<Case> = all
        .iter()
        .map(|one| made.write(one.name, &one.bytes, &one.trust))
        .collect();
    for (vector, case) in all.iter().zip(&cases) {
        match (&case.verdict, vector.wanted) {
            (Verdict::Good { .. }, None) => {}
            (Verdict::Bad { code, seq, .. }, Some((wanted, at))) => {
                assert_eq!((code.as_str(), *seq), (wanted, at), "{}", case.file);
            }
            (verdict, wanted) => panic!("{}: {verdict:?}, and not {wanted:?}", case.file),
        }
    }
    made.expect(&cases);
    if env::var("VECTORS").is_ok_and(|how| how == "write") {
        for file in fs::read_dir(made.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder().join(file.file_name())).unwrap();
        }
    }
    let files = |folder: &Path| -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(folder).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = files
            .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
            .collect();
        files.sort();
        files
    };
    let names = |all: &[(String, Vec<u8>)]| -> Vec<String> { all.iter().map(|(name, _)| name.clone()).collect() };
    let (kept, made) = (files(&folder()), files(made.path()));
    assert_eq!(names(&kept), names(&made));
    for (kept, made) in kept.iter().zip(&made) {
        assert!(kept == made, "{} is not what it was", kept.0);
    }
    case::agree(&folder());
}
