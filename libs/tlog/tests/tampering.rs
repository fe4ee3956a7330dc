//! A log that was tampered with, in a thousand ways, and never unseen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    reason = "a test says by panicking what is wrong"
)]

#[path = "made/case.rs"]
mod case;
#[path = "made/log.rs"]
mod made;

use made::{Chance, Item, Made, Owned, TENANT, signer, written};
use proptest::prelude::*;
use tlog::bundle::{Finding, Report, Trust, What, verify};
use tlog::{commit, tiles};

fn check(items: &[Item], trust: &Trust) -> Result<Report, Finding> {
    verify(written(items).as_slice(), trust)
}

/// What was done, and where.
struct Done {
    how: &'static str,
    items: Vec<Item>,
    trust: Trust,
    /// The first entry that is not what it was, or not where it was.
    at: u64,
    /// Whether it must be named exactly.
    exact: bool,
}

fn place_of(items: &[Item], seq: u64) -> usize {
    let is = |item: &Item| matches!(item, Item::Entry(entry) if entry.seq == seq);
    items.iter().position(is).unwrap()
}

fn entry_of(items: &mut [Item], seq: u64) -> &mut Owned {
    let place = place_of(items, seq);
    match &mut items[place] {
        Item::Entry(entry) => entry,
        _ => unreachable!(),
    }
}

fn edit(entry: &mut Owned, chance: &mut Chance) {
    match chance.below(8) {
        0 => entry.actor.push('x'),
        1 => {
            entry.credential = if entry.credential.is_some() {
                None
            } else {
                Some(String::new())
            }
        }
        2 => entry.action.insert(0, 'x'),
        3 => "vm:other".clone_into(&mut entry.object),
        4 => entry.outcome = format!("{}!", entry.outcome),
        5 => entry.time_micros += 1,
        6 => entry.id[3] ^= 1,
        _ => entry.request_id[15] ^= 0x80,
    }
}

/// Numbers all entries anew, and recomputes their leaves.
fn renumber(items: &mut [Item]) {
    let mut seq = 0;
    for item in items {
        if let Item::Entry(entry) = item {
            seq += 1;
            if entry.seq != seq {
                entry.seq = seq;
                entry.hash();
            }
        }
    }
}

const WAYS: u64 = 20;

fn tamper(seed: u64) -> Done {
    let chance = &mut Chance(seed);
    let count = chance.within(4, 60);
    let log = Made::new(chance, count);
    let at = chance.within(1, count);
    // Some trust nothing from before: what closes the file must suffice then.
    let before = (chance.below(3) > 0).then(|| log.checkpoints[0]);
    let trust = log.trust(before);
    let items = log.stretch(1);
    check(&items, &trust).expect("good before");
    let done = |how, items, at, exact| Done {
        how,
        items,
        trust: trust.clone(),
        at,
        exact,
    };
    match seed % WAYS {
        0..6 => of_one(&log, items, at, chance, done),
        6..11 => of_order(&log, items, at, chance, done),
        11..15 => of_contents(items, at, count, chance, done),
        15..18 => of_selections(&log, at, chance),
        way => of_histories(&log, way, at, chance),
    }
}

fn of_one(
    log: &Made,
    mut items: Vec<Item>,
    at: u64,
    chance: &mut Chance,
    done: impl Fn(&'static str, Vec<Item>, u64, bool) -> Done,
) -> Done {
    match chance.below(6) {
        0 => {
            edit(entry_of(&mut items, at), chance);
            done("a field changed", items, at, true)
        }
        1 => {
            edit(entry_of(&mut items, at), chance);
            entry_of(&mut items, at).hash();
            done("a field changed and the leaf recomputed", items, at, false)
        }
        2 => {
            let place = place_of(&items, at);
            items.remove(place);
            let exact = matches!(items[place], Item::Entry(_));
            done("an entry removed", items, at, exact)
        }
        3 => {
            items.remove(place_of(&items, at));
            renumber(&mut items);
            done("an entry removed and the rest renumbered", items, at, false)
        }
        4 => {
            let place = place_of(&items, at);
            items.insert(place, Item::Entry(Owned::made(chance, TENANT, at)));
            done(
                "an entry put in",
                items,
                at,
                log.checkpoints.binary_search(&(at - 1)).is_ok(),
            )
        }
        _ => {
            let place = place_of(&items, at);
            items.insert(place, Item::Entry(Owned::made(chance, TENANT, at)));
            renumber(&mut items);
            done("an entry put in and the rest renumbered", items, at, false)
        }
    }
}

fn of_order(
    log: &Made,
    mut items: Vec<Item>,
    at: u64,
    chance: &mut Chance,
    done: impl Fn(&'static str, Vec<Item>, u64, bool) -> Done,
) -> Done {
    let count = log.entries.len() as u64;
    let other = chance.within(at + 1, count + 1);
    let (first, second) = (place_of(&items, at), place_of(&items, other));
    match chance.below(4) {
        0 => {
            items.swap(first, second);
            done("two entries swapped", items, at, true)
        }
        1 => {
            items.swap(first, second);
            renumber(&mut items);
            done("two entries swapped and renumbered", items, at, false)
        }
        2 => {
            let copy = items[first].clone();
            items.insert(second + 1, copy);
            done("an entry repeated", items, other + 1, true)
        }
        _ => {
            // Everything from there on, the checkpoint that closes the file included.
            items.truncate(first);
            let covered = matches!(items.last(), Some(Item::Checkpoint(_)));
            let mut cut = done("the end cut off", items, at, covered || at == 1);
            // What is left is a good file from before: only who knows that there was more can tell.
            cut.trust = log.trust(covered.then_some(count));
            cut
        }
    }
}

fn of_contents(
    mut items: Vec<Item>,
    at: u64,
    count: u64,
    chance: &mut Chance,
    done: impl Fn(&'static str, Vec<Item>, u64, bool) -> Done,
) -> Done {
    let other = chance.within(at + 1, count + 1);
    let theirs = entry_of(&mut items, other).shown.clone().unwrap();
    let entry = entry_of(&mut items, at);
    match chance.below(6) {
        0 => {
            entry.shown.as_mut().unwrap().1.push(' ');
            done("content changed", items, at, true)
        }
        1 => {
            entry.shown.as_mut().unwrap().0[7] ^= 4;
            done("salt changed", items, at, true)
        }
        2 => {
            let ours = entry.shown.replace(theirs);
            entry_of(&mut items, other).shown = ours;
            done("salt and content of two entries swapped", items, at, true)
        }
        3 => {
            let shown = entry.shown.as_mut().unwrap();
            "{}".clone_into(&mut shown.1);
            entry.commitment = commit(&shown.0, b"{}");
            done("content changed and the commitment recomputed", items, at, true)
        }
        4 => {
            let shown = entry.shown.as_mut().unwrap();
            "{}".clone_into(&mut shown.1);
            entry.commitment = commit(&shown.0, b"{}");
            entry.hash();
            done("content, commitment and leaf recomputed", items, at, false)
        }
        _ => {
            let stranger = Owned::made(chance, [9; 16], at);
            *entry_of(&mut items, at) = stranger;
            done("an entry of another tenant", items, at, true)
        }
    }
}

fn of_selections(log: &Made, at: u64, chance: &mut Chance) -> Done {
    let count = log.entries.len() as u64;
    let modulus = chance.within(1, 4);
    let mut items = log.selection(|entry| entry.seq % modulus == at % modulus || entry.seq == count);
    let mut trust = log.trust(Some(count));
    check(&items, &trust).expect("good before");
    let how = match chance.below(5) {
        0 => {
            edit(entry_of(&mut items, at), chance);
            "of a selection, a field changed"
        }
        1 => {
            edit(entry_of(&mut items, at), chance);
            entry_of(&mut items, at).hash();
            "of a selection, a field changed and the leaf recomputed"
        }
        2 => {
            let theirs = entry_of(&mut items, count).proof.clone();
            let ours = std::mem::replace(&mut entry_of(&mut items, at).proof, theirs);
            entry_of(&mut items, count).proof = ours;
            "of a selection, two proofs swapped"
        }
        3 => {
            let proof = entry_of(&mut items, at).proof.as_mut().unwrap();
            proof.pop();
            "of a selection, a proof shortened"
        }
        _ => {
            let size = log.entries.len() as u64;
            let mut forked = log.clone();
            edit(&mut forked.entries[usize::try_from(at - 1).unwrap()], chance);
            forked.entries[usize::try_from(at - 1).unwrap()].hash();
            items = forked.selection(|_| true);
            trust = log.trust(Some(size));
            let how = "a selection of another history";
            return Done {
                how,
                items,
                trust,
                at,
                exact: false,
            };
        }
    };
    Done {
        how,
        items,
        trust,
        at,
        exact: true,
    }
}

/// The same signer, or a false one, and whole histories that hold in themselves.
fn of_histories(log: &Made, way: u64, at: u64, chance: &mut Chance) -> Done {
    let count = log.entries.len() as u64;
    let index = usize::try_from(at - 1).unwrap();
    let mut other = log.clone();
    edit(&mut other.entries[index], chance);
    other.entries[index].hash();
    match way {
        18 => {
            other.key = 2;
            let mut trust = log.trust((chance.below(2) == 0).then_some(count));
            if trust.checkpoint.is_some() && chance.below(2) == 0 {
                // Then the trusted checkpoint alone tells.
                trust.keys.clear();
            }
            Done {
                how: "everything recomputed and signed with another key",
                items: other.stretch(1),
                trust,
                at,
                exact: false,
            }
        }
        _ if chance.below(2) == 0 => {
            let seen = chance.within(at, count + 1);
            let (shown, known) = if chance.below(2) == 0 {
                (&other, log)
            } else {
                (log, &other)
            };
            check(&shown.stretch(1), &shown.trust(Some(seen))).expect("holds in itself");
            Done {
                how: "two histories by the same signer",
                items: shown.stretch(1),
                trust: known.trust(Some(seen)),
                at,
                exact: false,
            }
        }
        _ => {
            let mut older = log.clone();
            older.entries.truncate(index.max(1));
            let size = older.entries.len() as u64;
            older.checkpoints = vec![size];
            Done {
                how: "rolled back",
                items: older.stretch(1),
                trust: log.trust(Some(count)),
                at: size + 1,
                exact: true,
            }
        }
    }
}

#[test]
fn t25_t26_a_thousand_tamperings_are_found_and_placed() {
    let mut ways = std::collections::BTreeMap::new();
    let folder = case::Folder::empty("tamperings");
    let mut cases = Vec::new();
    for seed in 0..1000 {
        let done = tamper(seed);
        cases.push(folder.write(&format!("{seed:04}"), &written(&done.items), &done.trust));
        let Err(found) = check(&done.items, &done.trust) else {
            panic!("seed {seed}: {}, and unseen", done.how);
        };
        // Nothing of it is believed where no entry is named.
        let seq = found.seq.unwrap_or(1);
        assert!(seq <= done.at, "seed {seed}: {} at {}, and {found}", done.how, done.at);
        assert!(
            !done.exact || seq == done.at,
            "seed {seed}: {} at {}, and {found}",
            done.how,
            done.at
        );
        *ways.entry(done.how).or_insert(0) += 1;
    }
    folder.expect(&cases);
    case::agree(folder.path());
    assert!(ways.len() >= 24 && ways.values().all(|count| *count >= 5), "{ways:#?}");
}

fn small() -> Made {
    let mut log = Made::new(&mut Chance(7), 3);
    log.checkpoints = vec![3];
    log
}

/// What whoever reads a report goes by.
fn counts(report: &Report) -> impl PartialEq + std::fmt::Debug + '_ {
    let Report {
        tenant,
        origin,
        complete,
        entries,
        withheld,
        checkpoints,
        first_seq,
        last_seq,
        size,
        root,
        time,
        ..
    } = report;
    (
        (tenant, origin, complete, entries, withheld, checkpoints),
        (first_seq, last_seq, size, root, time),
    )
}

/// A flipped bit is refused, or it is one of those that no signature covers: when a key is said to have been good, and who
/// cosigned. Then the report shows it, and everything that counts stays what it was.
fn every_bit_counts(items: &[Item], trust: &Trust) {
    let bytes = written(items);
    let good = verify(bytes.as_slice(), trust).unwrap();
    let mut shown = 0;
    for at in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[at / 8] ^= 1 << (at % 8);
        if let Ok(report) = verify(bad.as_slice(), trust) {
            let text =
                String::from_utf8_lossy(&bad[(at / 8).saturating_sub(40)..][..60.min(bad.len() - at / 8)]).into_owned();
            assert_ne!(report, good, "bit {at}: {text}");
            assert_eq!(counts(&report), counts(&good), "bit {at}: {text}");
            assert_eq!(
                (report.agrees_with, report.signed.len()),
                (good.agrees_with, good.signed.len())
            );
            shown += 1;
        }
    }
    assert!(shown < 1500, "{shown}");
}

#[test]
fn t25_every_bit_of_a_stretch_counts() {
    let log = small();
    every_bit_counts(
        &log.stretch(1),
        &Trust {
            witnesses: Vec::new(),
            ..log.trust(None)
        },
    );
}

#[test]
fn t25_every_bit_of_a_selection_counts() {
    let log = small();
    every_bit_counts(
        &log.selection(|entry| entry.seq == 2),
        &Trust {
            witnesses: Vec::new(),
            ..log.trust(None)
        },
    );
}

#[test]
fn a_stretch_goes_on_from_what_was_trusted() {
    let log = Made::new(&mut Chance(3), 40);
    let whole = check(&log.stretch(1), &log.trust(Some(40))).unwrap();
    assert_eq!((whole.entries, whole.withheld, whole.agrees_with), (40, 0, Some(40)));
    assert_eq!(
        (whole.first_seq, whole.last_seq, whole.warnings.len()),
        (Some(1), Some(40), 0)
    );
    for first in 2..=40 {
        let report = check(&log.stretch(first), &log.trust(Some(first - 1))).unwrap();
        assert_eq!((report.entries, report.first_seq), (41 - first, Some(first)));
        check(&log.stretch(first), &log.trust(None)).unwrap();
    }
    // A checkpoint from before the stretch needs a proof that leads to it.
    let found = check(&log.stretch(20), &log.trust(Some(10))).unwrap_err();
    assert_eq!(found.what, What::Unlinked(10));
    let link = |from, to| Item::Consistency(from, to, tiles::consistency_proof(&log.tiles(), from, to).unwrap());
    let mut items = log.stretch(20);
    items.push(link(10, 40));
    assert_eq!(check(&items, &log.trust(Some(10))).unwrap().agrees_with, Some(10));
    // And a file from before the trusted checkpoint one that leads there.
    let mut older = log.clone();
    older.entries.truncate(30);
    older.checkpoints = vec![30];
    let mut items = older.stretch(1);
    assert_eq!(
        check(&items, &log.trust(Some(40))).unwrap_err().what,
        What::RolledBack(40)
    );
    items.push(link(30, 40));
    assert_eq!(check(&items, &log.trust(Some(40))).unwrap().agrees_with, Some(40));
    let mut selection = log.selection(|entry| entry.seq % 3 == 0);
    assert_eq!(
        check(&selection, &log.trust(Some(12))).unwrap_err().what,
        What::Unlinked(12)
    );
    selection.insert(2, link(12, 40));
    assert_eq!(check(&selection, &log.trust(Some(12))).unwrap().agrees_with, Some(12));
}

#[test]
fn what_is_erased_or_withheld_is_counted_and_everything_holds() {
    let log = Made::new(&mut Chance(4), 12);
    let mut items = log.stretch(1);
    for seq in [2, 3, 9] {
        entry_of(&mut items, seq).shown = None;
    }
    assert_eq!(check(&items, &log.trust(Some(12))).unwrap().withheld, 3);
}

#[test]
fn keys_are_good_for_their_time_and_only_if_named() {
    let log = Made::new(&mut Chance(5), 6);
    let with = |change: &dyn Fn(&mut tlog::bundle::LogLine)| {
        let mut items = log.stretch(1);
        if let Item::Log(line) = &mut items[0] {
            change(line);
        }
        items
    };
    let warned = |trust: &Trust| -> Vec<&str> {
        let report = check(&log.stretch(1), trust).unwrap();
        report.warnings.iter().map(|warning| warning.code).collect()
    };
    assert_eq!(warned(&Trust::default()), ["keys_from_file", "nothing_trusted"]);
    let stranger = Trust {
        keys: vec![signer(2).public()],
        ..Trust::default()
    };
    assert_eq!(check(&log.stretch(1), &stranger).unwrap_err().what, What::Unsigned);

    let over = with(&|line| line.keys[0].until = Some(line.keys[0].from + 1));
    assert!(matches!(
        check(&over, &log.trust(None)).unwrap_err().what,
        What::KeyTime(_)
    ));
    let early = with(&|line| line.keys[0].from += 3_600_000_000);
    assert!(matches!(
        check(&early, &log.trust(None)).unwrap_err().what,
        What::KeyTime(_)
    ));
    let unnamed = with(&|line| line.keys.clear());
    let warnings = check(&unnamed, &log.trust(None)).unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.code == "period_unknown"));
    assert_eq!(check(&unnamed, &Trust::default()).unwrap_err().what, What::Unsigned);

    let mut other = log.trust(None);
    other.witnesses = vec![signer(3).public_cosigner()];
    assert!(matches!(
        check(&log.stretch(1), &other).unwrap_err().what,
        What::Witness(_)
    ));
    other.witnesses = vec![signer(3).public()];
    assert!(matches!(
        check(&log.stretch(1), &other).unwrap_err().what,
        What::Trusted(_)
    ));
    let silent = with(&|line| line.witnesses.clear());
    let report = check(
        &silent,
        &Trust {
            witnesses: Vec::new(),
            ..log.trust(None)
        },
    )
    .unwrap();
    assert_eq!(report.warnings.last().unwrap().code, "strangers");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn t26_nothing_stops_the_verifier(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(bytes.as_slice(), &Trust::default()).is_err());
    }

    #[test]
    fn t26_no_spoilt_file_stops_the_verifier(
        changes in prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..6), selection in any::<bool>()
    ) {
        let log = small();
        let mut bytes = written(&if selection { log.selection(|_| true) } else { log.stretch(1) });
        for (at, how, byte) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how % 6 {
                0 => bytes[at] ^= 1 << (byte % 8),
                1 => bytes[at] = byte,
                2 => bytes.insert(at, byte),
                3 => drop(bytes.remove(at)),
                4 => bytes.truncate(at + 1),
                _ => bytes.rotate_left(at),
            }
        }
        let _ = verify(bytes.as_slice(), &log.trust(Some(2)));
        let _ = verify(bytes.as_slice(), &Trust::default());
    }
}

#[test]
fn t25_no_bit_of_a_heads_line_is_changed_unseen() {
    let log = Made::new(&mut Chance(25), 12);
    let mut items = log.stretch(1);
    let behind = written(&items).len();
    items.push(Item::Head(log.head(&log.register(), 12)));
    let (good, trust) = (written(&items), log.trust(None));
    // The first line names the version, and so is longer or shorter by nothing.
    assert!(verify(good.as_slice(), &trust).unwrap().register.is_some());
    for at in behind..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let told = verify(bad.as_slice(), &trust)
                .is_ok_and(|report| report.warnings.iter().all(|warning| warning.code != "strangers"));
            assert!(!told, "bit {bit} of byte {at}");
        }
    }
}
