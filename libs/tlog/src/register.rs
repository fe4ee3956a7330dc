//! The register: one log over the signed states, the *heads*, of many logs. Whoever knows one of its checkpoints knows what
//! each of those logs was said to be, and one witness of it guards them all.
//!
//! # What it guarantees
//! Every log may stand in it once per [`SLOT`], under a label that nobody can choose: the log's blind was registered once,
//! under a label that its tenant's id alone makes, and with it the label of each slot is given. So whoever knows the blind
//! knows every place where a head of the log can stand, and [`Watch`] finds them all: a head that was registered for somebody
//! else's eyes too. Two histories of one log then need two registers, which a witness does not cosign.
//!
//! # What it refuses
//! To tell anything to those who do not know the blind: a leaf is two hashes, other ones each time. How many heads of all logs
//! together were registered, and when, is there to be counted; whose they were is not.
//!
//! # What it was born from
//! A tree over the heads in which every log opens its own leaves, and nothing else, proves that a head is in it. It does not
//! prove that there is no other: whoever lies puts both histories into it, and shows each to the one who is to believe it.

use std::collections::HashMap;

use crate::{Checkpoint, Frontier, Hash, leaf_hash};

/// A log stands in the register once in so many seconds, at most.
pub const SLOT: u64 = 10;

/// What the register's origin ends with, behind the name that all origins of one platform begin with. The other logs' end
/// with their tenant's id, which has hyphens and 36 characters.
pub const PART: &str = "register";

const VERSION: u8 = 1;
const TENANT: &[u8] = b"yunshu register tenant v1\n";
const BLIND: &[u8] = b"yunshu register blind v1\n";
const LABEL: &[u8] = b"yunshu register slot v1\n";
const HEAD: &[u8] = b"yunshu register head v1\n";

/// What a log's leaves are recognised by: 32 random bytes, the same for as long as there is the log.
pub type Blind = [u8; 32];

/// What a log was said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// When it was registered, in seconds since 1970.
    pub time: u64,
    /// How many entries it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A leaf of the register, as everybody sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// Where it stands among all that there can be: no other has the same.
    pub label: Hash,
    /// What it says, to whoever knows the blind.
    pub value: Hash,
}

impl Leaf {
    /// The leaf that a log begins with: it fixes the blind.
    pub fn of_tenant(tenant: &[u8; 16], blind: &Blind) -> Self {
        Self {
            label: Hash::of(&[TENANT, tenant].concat()),
            value: Hash::of(&[BLIND, blind.as_slice()].concat()),
        }
    }

    /// The leaf of a head.
    pub fn of_head(tenant: &[u8; 16], blind: &Blind, head: &Head) -> Self {
        let (time, size) = (head.time.to_be_bytes(), head.size.to_be_bytes());
        let said: [&[u8]; 6] = [HEAD, blind, tenant, &time, &size, head.root.as_bytes()];
        Self {
            label: label(blind, head.time / SLOT),
            value: Hash::of(&said.concat()),
        }
    }

    /// Its hash in the tree.
    pub fn hash(&self) -> Hash {
        let said: [&[u8]; 3] = [&[VERSION], self.label.as_bytes(), self.value.as_bytes()];
        leaf_hash(&said.concat())
    }
}

fn label(blind: &Blind, slot: u64) -> Hash {
    Hash::of(&[LABEL, blind.as_slice(), &slot.to_be_bytes()].concat())
}

/// The origin of the register in which the log of this tenant and origin stands.
pub fn origin_beside(origin: &str, tenant: &[u8; 16]) -> Option<String> {
    let name = origin.strip_suffix(&crate::text::uuid(tenant))?.strip_suffix('/')?;
    (!name.is_empty()).then(|| format!("{name}/{PART}"))
}

/// Why a log, or the register, is not what was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The leaves are not those that were signed.
    #[error("the register's leaves are not those that its checkpoint over {0} was signed for")]
    NotSigned(u64),
    /// The log's blind was registered more than once, or another one, or never.
    #[error("the log is not in the register, or with another blind, or twice")]
    Blind,
    /// There is a head that nobody told of: somebody was shown another history.
    #[error(
        "at {0} (seconds since 1970, give or take ten) the register has a head of this log that you were not told of"
    )]
    Untold(u64),
    /// What was told is not there.
    #[error("the register does not have the head over {0} entries that you were told of")]
    Missing(u64),
}

/// Looks through the whole register for everything about one log. It holds a hash for each slot that it looks for: some
/// hundred megabytes for ten years.
pub struct Watch {
    tenant: [u8; 16],
    blind: Blind,
    slots: HashMap<Hash, u64>,
    frontier: Frontier,
    begun: Vec<Leaf>,
    found: Vec<(u64, Leaf)>,
}

impl Watch {
    /// For the heads of this log, from one time to another, in seconds since 1970. Where there is nothing from before, it
    /// must begin when the log did.
    pub fn new(tenant: [u8; 16], blind: Blind, (from, to): (u64, u64)) -> Self {
        let slots = (from / SLOT..=to / SLOT).map(|slot| (label(&blind, slot), slot));
        Self {
            tenant,
            blind,
            slots: slots.collect(),
            frontier: Frontier::new(),
            begun: Vec::new(),
            found: Vec::new(),
        }
    }

    /// The next leaf, from the first on.
    pub fn push(&mut self, leaf: Leaf) {
        self.frontier.push(leaf.hash());
        if leaf.label == Leaf::of_tenant(&self.tenant, &self.blind).label {
            self.begun.push(leaf);
        }
        if let Some(slot) = self.slots.get(&leaf.label) {
            self.found.push((slot * SLOT, leaf));
        }
    }

    /// Whether these leaves are what was signed, and of this log have these heads and no others. That each of them is what
    /// the log was, the log itself must show.
    pub fn finish(self, signed: &Checkpoint, told: &[Head]) -> Result<(), Broken> {
        if (self.frontier.size(), self.frontier.root()) != (signed.size, signed.root) {
            return Err(Broken::NotSigned(signed.size));
        }
        if self.begun != [Leaf::of_tenant(&self.tenant, &self.blind)] {
            return Err(Broken::Blind);
        }
        let leaf = |head: &Head| Leaf::of_head(&self.tenant, &self.blind, head);
        let mut told: HashMap<Hash, (Leaf, u64)> = told
            .iter()
            .map(|head| (leaf(head).label, (leaf(head), head.size)))
            .collect();
        for (time, leaf) in &self.found {
            let known = told.remove(&leaf.label);
            if known.is_none_or(|(known, _)| known != *leaf) {
                return Err(Broken::Untold(*time));
            }
        }
        let missing = told.into_values().map(|(_, size)| size).min();
        missing.map_or(Ok(()), |size| Err(Broken::Missing(size)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Growth, Loaded, tiles, verify_consistency};

    const TENANT_ID: [u8; 16] = [7; 16];
    const MINE: Blind = [1; 32];
    const START: u64 = 1_700_000_000;

    fn head(time: u64, size: u64, history: &str) -> Head {
        Head {
            time,
            size,
            root: Hash::of(format!("{history} {size}").as_bytes()),
        }
    }

    fn mine(head: &Head) -> Leaf {
        Leaf::of_head(&TENANT_ID, &MINE, head)
    }

    fn signed(leaves: &[Leaf]) -> Checkpoint {
        let mut frontier = Frontier::new();
        for leaf in leaves {
            frontier.push(leaf.hash());
        }
        Checkpoint::at("cloud/register", frontier.size(), frontier.root(), START + 1_000)
    }

    fn watch(leaves: &[Leaf], signed: &Checkpoint, told: &[Head]) -> Result<(), Broken> {
        let mut watch = Watch::new(TENANT_ID, MINE, (START, START + 1_000));
        for leaf in leaves {
            watch.push(*leaf);
        }
        watch.finish(signed, told)
    }

    /// Another tenant's leaves around ours.
    fn register(heads: &[Head]) -> Vec<Leaf> {
        let other = [2; 32];
        let mut leaves = vec![Leaf::of_tenant(&[8; 16], &other), Leaf::of_tenant(&TENANT_ID, &MINE)];
        for head in heads {
            leaves.push(mine(head));
            leaves.push(Leaf::of_head(&[8; 16], &other, head));
        }
        leaves
    }

    #[test]
    fn t26_a_history_that_somebody_else_was_shown_is_found_by_whose_log_it_is() {
        let told = [head(START, 3, "a"), head(START + 40, 9, "a")];
        let honest = register(&told);
        assert_eq!(watch(&honest, &signed(&honest), &told), Ok(()));

        // The operator registers another history, to show it to an auditor: at a time of its own, in a slot of ours, later.
        for at in [START + 20, START + 49, START + 990] {
            let mut leaves = register(&told);
            leaves.push(mine(&head(at, 9, "b")));
            let seen = watch(&leaves, &signed(&leaves), &told);
            assert_eq!(seen, Err(Broken::Untold(at / SLOT * SLOT)));
        }
        // In place of ours, with ours left out, or under another blind.
        let mut instead = register(&told);
        instead[4] = mine(&head(START + 40, 9, "b"));
        assert_eq!(
            watch(&instead, &signed(&instead), &told),
            Err(Broken::Untold(START + 40))
        );
        let without = register(&told[..1]);
        assert_eq!(watch(&without, &signed(&without), &told), Err(Broken::Missing(9)));
        let mut twice = register(&told);
        twice.push(Leaf::of_tenant(&TENANT_ID, &[3; 32]));
        assert_eq!(watch(&twice, &signed(&twice), &told), Err(Broken::Blind));
        // Or leaves the leaf out of what it shows us: then it is not what was signed.
        let mut hidden = register(&told);
        hidden.push(mine(&head(START + 60, 9, "b")));
        assert_eq!(watch(&honest, &signed(&hidden), &told), Err(Broken::NotSigned(7)));
    }

    #[test]
    fn t26_a_register_that_was_forked_has_no_proof_that_it_only_grew() {
        let (ours, theirs) = (
            register(&[head(START, 3, "a"), head(START + 40, 9, "a")]),
            register(&[head(START, 3, "b"), head(START + 40, 9, "b"), head(START + 60, 12, "b")]),
        );
        let mut growth = Growth::start(&Loaded::default(), 0).unwrap();
        for leaf in &theirs {
            growth.push(leaf.hash());
        }
        let tiles: Loaded = growth.finish().into_iter().collect();
        let (old, new) = (signed(&ours), signed(&theirs));
        let proof = tiles::consistency_proof(&tiles, old.size, new.size).unwrap();
        assert!(verify_consistency(old.size, new.size, &proof, old.root, new.root).is_err());
    }

    #[test]
    fn every_part_of_a_head_counts_and_leaves_of_one_log_share_nothing() {
        let one = head(START, 3, "a");
        let others = [
            mine(&head(START + 1, 3, "a")),
            mine(&head(START + 10, 3, "a")),
            mine(&head(START, 4, "a")),
            mine(&head(START, 3, "b")),
            Leaf::of_head(&[8; 16], &MINE, &one),
            Leaf::of_head(&TENANT_ID, &[2; 32], &one),
            Leaf::of_tenant(&TENANT_ID, &MINE),
        ];
        for other in &others {
            assert_ne!(mine(&one).hash(), other.hash());
            assert_ne!(mine(&one).value, other.value);
        }
        assert_eq!(mine(&one).label, others[0].label, "the same slot");
        assert_ne!(mine(&one).label, others[1].label, "the next slot");
    }

    #[test]
    fn the_registers_origin_is_no_tenants() {
        let tenant = crate::text::uuid(&TENANT_ID);
        let beside = |origin: &str| origin_beside(origin, &TENANT_ID);
        assert_eq!(
            beside(&format!("cloud/audit/{tenant}")).as_deref(),
            Some("cloud/audit/register")
        );
        for odd in ["cloud/audit/x", "", &tenant, &format!("/{tenant}"), "cloud/audit/"] {
            assert_eq!(beside(odd), None, "{odd}");
        }
        assert!(crate::text::parse_uuid(PART).is_none());
    }
}
