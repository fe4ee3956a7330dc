//! Logs for tests, made from a seed: the same each time.

use tlog::bundle::{
    EntryLine, HeadLine, KnownKey, LogLine, Shown, Trust, write_checkpoint, write_consistency, write_frontier,
};
use tlog::note::Signer;
use tlog::register::{Blind, Head, Leaf};
use tlog::{Checkpoint, Entry, Frontier, Growth, Hash, Loaded, commit};

pub const ORIGIN: &str = "cloud.example/audit/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";
pub const TENANT: [u8; 16] = [
    0x01, 0x92, 0xf0, 0xc1, 0x2d, 0x3e, 0x7a, 0x4b, 0x8c, 0x5d, 0x6e, 0x7f, 0x80, 0x91, 0xa2, 0xb3,
];
pub const REGISTER: &str = "cloud.example/audit/register";
pub const BLIND: Blind = [77; 32];
pub const START: u64 = 1_700_000_000;

/// Numbers that look random (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// From `from` on, and below `to`.
    pub fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from)
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next().to_le_bytes()[0])
    }
}

/// An entry that owns what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    pub tenant: [u8; 16],
    pub seq: u64,
    pub id: [u8; 16],
    pub time_micros: i64,
    pub actor: String,
    pub credential: Option<String>,
    pub action: String,
    pub object: String,
    pub outcome: String,
    pub request_id: [u8; 16],
    pub commitment: Hash,
    pub leaf: Hash,
    pub shown: Option<([u8; 32], String)>,
    pub proof: Option<Vec<Hash>>,
}

impl Owned {
    pub fn made(chance: &mut Chance, tenant: [u8; 16], seq: u64) -> Self {
        const ACTIONS: [&str; 4] = ["vm.create", "vm.delete", "user.invite", "session.create"];
        let action = ACTIONS[usize::try_from(chance.below(4)).unwrap()];
        let salt = chance.bytes();
        let content = format!(
            r#"{{"ip":"192.0.2.{}","changes":{{"name":["web-{}","wéb\n{}"],"vcpus":[2,{}]}}}}"#,
            chance.below(256),
            chance.below(100),
            chance.below(100),
            chance.below(64)
        );
        let mut made = Self {
            tenant,
            seq,
            id: chance.bytes(),
            time_micros: i64::try_from(START * 1_000_000 + seq * 1_234_567).unwrap(),
            actor: format!("user:{}", tlog::text::uuid(&chance.bytes())),
            credential: (chance.below(3) > 0).then(|| format!("session:{}", tlog::text::uuid(&chance.bytes()))),
            action: action.to_owned(),
            object: format!("vm:{}", tlog::text::uuid(&chance.bytes())),
            outcome: ["success", "denied", "failed"][usize::try_from(chance.below(3)).unwrap()].to_owned(),
            request_id: chance.bytes(),
            commitment: commit(&salt, content.as_bytes()),
            leaf: Hash::of(b""),
            shown: Some((salt, content)),
            proof: None,
        };
        made.hash();
        made
    }

    pub fn entry(&self) -> Entry<'_> {
        Entry {
            tenant: self.tenant,
            seq: self.seq,
            id: self.id,
            time_micros: self.time_micros,
            actor: &self.actor,
            credential: self.credential.as_deref(),
            action: &self.action,
            object: &self.object,
            outcome: &self.outcome,
            request_id: self.request_id,
            commitment: self.commitment,
        }
    }

    /// Makes the leaf what the fields demand.
    pub fn hash(&mut self) {
        self.leaf = self.entry().leaf();
    }

    pub fn line(&self) -> EntryLine<'_> {
        EntryLine {
            entry: self.entry(),
            leaf: self.leaf,
            shown: self
                .shown
                .as_ref()
                .map(|(salt, content)| Shown { salt: *salt, content }),
            proof: self.proof.as_deref(),
        }
    }
}

/// Where a head stands in a register.
#[derive(Clone, Debug)]
pub struct Registered {
    pub note: String,
    pub blind: Blind,
    pub begun: (u64, Vec<Hash>),
    pub time: u64,
    pub head: (u64, Vec<Hash>),
}

/// A line of a file.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all are entries")]
pub enum Item {
    Log(LogLine),
    Frontier(Frontier),
    Checkpoint(String),
    Entry(Owned),
    Consistency(u64, u64, Vec<Hash>),
    Head(Registered),
    /// As it stands.
    Raw(String),
}

pub fn written(items: &[Item]) -> Vec<u8> {
    let with_head = items.iter().any(|item| matches!(item, Item::Head(_)));
    let mut out = Vec::new();
    for item in items {
        match item {
            Item::Log(log) if with_head => log.write_with_head(&mut out),
            Item::Log(log) => log.write(&mut out),
            Item::Head(head) => HeadLine {
                note: &head.note,
                blind: head.blind,
                begun: head.begun.clone(),
                time: head.time,
                head: head.head.clone(),
            }
            .write(&mut out),
            Item::Frontier(frontier) => write_frontier(frontier, &mut out),
            Item::Checkpoint(note) => write_checkpoint(note, &mut out),
            Item::Entry(entry) => entry.line().write(&mut out),
            Item::Consistency(from, to, hashes) => write_consistency(*from, *to, hashes, &mut out),
            Item::Raw(line) => {
                out.extend_from_slice(line.as_bytes());
                Ok(())
            }
        }
        .unwrap();
    }
    out
}

/// A log: its entries, where its checkpoints are, and who signs.
#[derive(Clone)]
pub struct Made {
    pub tenant: [u8; 16],
    pub entries: Vec<Owned>,
    /// Sizes, growing; the last is the whole log.
    pub checkpoints: Vec<u64>,
    pub key: u8,
}

pub fn signer(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

pub fn witness() -> Signer {
    Signer::from_seed("witness.example/w1", &[200; 32]).unwrap()
}

impl Made {
    /// Of so many entries, with checkpoints in between at places of chance.
    pub fn new(chance: &mut Chance, count: u64) -> Self {
        let entries: Vec<Owned> = (1..=count).map(|seq| Owned::made(chance, TENANT, seq)).collect();
        let mut checkpoints: Vec<u64> = (1..count).filter(|_| chance.below(7) == 0).collect();
        checkpoints.push(count);
        Self {
            tenant: TENANT,
            entries,
            checkpoints,
            key: 1,
        }
    }

    pub fn frontier(&self, size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for entry in self.entries.iter().take(usize::try_from(size).unwrap()) {
            frontier.push(entry.leaf);
        }
        frontier
    }

    pub fn tiles(&self) -> Loaded {
        let mut growth = Growth::start(&Loaded::default(), 0).unwrap();
        for entry in &self.entries {
            growth.push(entry.leaf);
        }
        growth.finish().into_iter().collect()
    }

    /// The note over the first entries, signed and cosigned.
    pub fn note(&self, size: u64) -> String {
        let time = START + 10 * size + 1;
        let text = Checkpoint::at(ORIGIN, size, self.frontier(size).root(), time).to_string();
        let signed = signer(self.key).sign(&text);
        format!("{text}\n{signed}{}", witness().cosign(&text, time + 3))
    }

    pub fn log_line(&self, complete: bool, first_seq: u64) -> LogLine {
        let from = i64::try_from(START).unwrap() * 1_000_000;
        let known = |key| KnownKey { key, from, until: None };
        LogLine {
            tenant: self.tenant,
            origin: ORIGIN.to_owned(),
            complete,
            first_seq,
            keys: vec![known(signer(self.key).public())],
            witnesses: vec![known(witness().public_cosigner())],
        }
    }

    /// The whole log from `first` on.
    pub fn stretch(&self, first: u64) -> Vec<Item> {
        let mut items = vec![Item::Log(self.log_line(true, first))];
        if first > 1 {
            items.push(Item::Frontier(self.frontier(first - 1)));
        }
        for entry in self.entries.iter().filter(|entry| entry.seq >= first) {
            items.push(Item::Entry(entry.clone()));
            if self.checkpoints.contains(&entry.seq) {
                items.push(Item::Checkpoint(self.note(entry.seq)));
            }
        }
        items
    }

    /// The entries that `wanted` wants, with proofs.
    pub fn selection(&self, wanted: impl Fn(&Owned) -> bool) -> Vec<Item> {
        let (size, tiles) = (self.entries.len() as u64, self.tiles());
        let mut items = vec![Item::Log(self.log_line(false, 1)), Item::Checkpoint(self.note(size))];
        for entry in self.entries.iter().filter(|entry| wanted(entry)) {
            let proof = tlog::tiles::inclusion_proof(&tiles, entry.seq - 1, size).unwrap();
            let proof = Some(proof);
            items.push(Item::Entry(Owned { proof, ..entry.clone() }));
        }
        items
    }

    /// When the head over so many entries is registered.
    pub fn registered_at(size: u64) -> u64 {
        START + 10 * size + 5
    }

    /// The leaves of a register: this log's among another's.
    pub fn register(&self) -> Vec<Leaf> {
        let mut leaves = vec![
            Leaf::of_tenant(&[9; 16], &[78; 32]),
            Leaf::of_tenant(&self.tenant, &BLIND),
        ];
        for size in &self.checkpoints {
            let head = Head {
                time: Self::registered_at(*size),
                size: *size,
                root: self.frontier(*size).root(),
            };
            leaves.push(Leaf::of_head(&self.tenant, &BLIND, &head));
            leaves.push(Leaf::of_head(&[9; 16], &[78; 32], &head));
        }
        leaves
    }

    /// Where the head over so many entries stands in this register, which is signed, and cosigned.
    pub fn head(&self, leaves: &[Leaf], size: u64) -> Registered {
        let mut growth = Growth::start(&Loaded::default(), 0).unwrap();
        for leaf in leaves {
            growth.push(leaf.hash());
        }
        let (root, many) = (growth.frontier().root(), leaves.len() as u64);
        let tiles: Loaded = growth.finish().into_iter().collect();
        let time = START + 1_000;
        let text = Checkpoint::at(REGISTER, many, root, time).to_string();
        let proof = |index| (index, tlog::tiles::inclusion_proof(&tiles, index, many).unwrap());
        let place = self.checkpoints.iter().position(|at| *at == size).unwrap() as u64;
        Registered {
            note: format!(
                "{text}\n{}{}",
                signer(self.key).sign(&text),
                witness().cosign(&text, time + 3)
            ),
            blind: BLIND,
            begun: proof(1),
            time: Self::registered_at(size),
            head: proof(2 + 2 * place),
        }
    }

    /// What an auditor knows who pinned keys and kept the checkpoint over so many entries.
    pub fn trust(&self, size: Option<u64>) -> Trust {
        Trust {
            keys: vec![signer(1).public()],
            witnesses: vec![witness().public_cosigner()],
            checkpoint: size.map(|size| self.note(size)),
            ..Trust::default()
        }
    }
}
