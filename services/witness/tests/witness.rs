//! The witness against logs that fork, clients that race, and power that fails.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clock::Clock;
use egress::{Egress, Limits};
use tlog::{Checkpoint, Frontier, Growth, Hash, Loaded, Note, PublicKey, Signer, leaf_hash, tiles};
use witness::settings::LogSettings;
use witness::{Refusal, Settings, Witness};

const NAME: &str = "cloud.example/audit";
const ORIGIN: &str = "cloud.example/audit/t";

fn log_key() -> Signer {
    Signer::from_seed(NAME, &[1; 32]).unwrap()
}

/// A history of the log. All begin with the same three entries.
#[derive(Clone, Copy)]
struct History(char);

impl History {
    fn leaf(self, index: u64) -> Hash {
        let history = if index < 3 { 'a' } else { self.0 };
        leaf_hash(format!("{history}{index}").as_bytes())
    }

    fn root(self, size: u64) -> Hash {
        let mut frontier = Frontier::new();
        (0..size).for_each(|index| frontier.push(self.leaf(index)));
        frontier.root()
    }

    fn note(self, origin: &str, size: u64, by: &Signer) -> String {
        let text = Checkpoint::at(origin, size, self.root(size), 1).to_string();
        format!("{text}\n{}", by.sign(&text))
    }

    fn proof(self, old: u64, size: u64) -> Vec<Hash> {
        let mut growth = Growth::start(&Loaded::default(), 0).unwrap();
        (0..size).for_each(|index| growth.push(self.leaf(index)));
        let known: Loaded = growth.finish().into_iter().collect();
        tiles::consistency_proof(&known, old, size).unwrap()
    }

    fn asks(self, origin: &str, old: u64, size: u64) -> String {
        let mut lines = vec![format!("old {old}")];
        lines.extend(self.proof(old, size).iter().map(ToString::to_string));
        format!("{}\n\n{}", lines.join("\n"), self.note(origin, size, &log_key()))
    }
}

const A: History = History('a');
const B: History = History('b');

fn settings(folder: &Path) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        name: "witness.example/w1".to_owned(),
        key: folder.join("key"),
        state: folder.join("state"),
        most_origins: 100,
        logs: vec![LogSettings {
            origin: format!("{NAME}/*"),
            keys: vec![log_key().public().to_string()],
        }],
    }
}

fn open(folder: &Path) -> Witness {
    Witness::open(&settings(folder), Clock::system()).unwrap()
}

/// The cosignature must be one of the very checkpoint.
fn holds(key: &PublicKey, line: &str, history: History, size: u64) {
    let whole = format!("{}{line}", history.note(ORIGIN, size, &log_key()));
    let note = Note::parse(&whole, tlog::note::Limits::default()).unwrap();
    assert!(note.verify(key).unwrap().is_some());
}

#[test]
fn a_log_that_grows_is_cosigned_step_by_step_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    let mut old = 0;
    for size in [0, 1, 2, 5, 5, 8, 300] {
        let line = witness.add(&A.asks(ORIGIN, old, size)).unwrap();
        holds(&witness.public(), &line, A, size);
        old = size;
    }
    drop(witness);
    let witness = open(folder.path());
    assert!(matches!(
        witness.add(&A.asks(ORIGIN, 0, 301)),
        Err(Refusal::Conflict(300))
    ));
    holds(
        &witness.public(),
        &witness.add(&A.asks(ORIGIN, 300, 301)).unwrap(),
        A,
        301,
    );
}

#[test]
fn t26_of_two_histories_the_second_is_refused_however_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    witness.add(&A.asks(ORIGIN, 0, 5)).unwrap();
    assert!(matches!(witness.add(&B.asks(ORIGIN, 0, 5)), Err(Refusal::Conflict(5))));
    assert!(matches!(witness.add(&B.asks(ORIGIN, 5, 5)), Err(Refusal::Conflict(5))));
    assert!(matches!(witness.add(&B.asks(ORIGIN, 3, 5)), Err(Refusal::Conflict(5))));
    for size in [6, 8, 300] {
        assert!(
            matches!(witness.add(&B.asks(ORIGIN, 5, size)), Err(Refusal::Proof)),
            "{size}"
        );
    }
    assert!(
        matches!(witness.add(&A.asks(ORIGIN, 2, 4)), Err(Refusal::Conflict(5))),
        "rolled back"
    );
    assert!(
        matches!(witness.add(&A.asks(ORIGIN, 4, 4)), Err(Refusal::Conflict(5))),
        "rolled back"
    );
    // Nothing of it made the witness forget.
    witness.add(&A.asks(ORIGIN, 5, 6)).unwrap();
}

#[test]
fn what_it_does_not_know_or_nobody_signed_is_refused_before_anything_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    for origin in ["cloud.example/other/t", NAME, "cloud.example/audit/t/u"] {
        assert!(
            matches!(witness.add(&A.asks(origin, 0, 4)), Err(Refusal::Unknown)),
            "{origin}"
        );
    }
    let stranger = Signer::from_seed(NAME, &[2; 32]).unwrap();
    let forged = format!("old 0\n\n{}", A.note(ORIGIN, 4, &stranger));
    assert!(matches!(witness.add(&forged), Err(Refusal::Unsigned)));
    let altered = A.asks(ORIGIN, 0, 4).replace("\n4\n", "\n5\n");
    assert!(matches!(witness.add(&altered), Err(Refusal::Unsigned)));
    let back = A.asks(ORIGIN, 0, 4).replacen("old 0", "old 5", 1);
    assert!(matches!(witness.add(&back), Err(Refusal::Malformed(_))));
    let mut long = A.asks(ORIGIN, 0, 4);
    long.insert_str(6, &format!("{}\n", A.root(1)));
    assert!(
        matches!(witness.add(&long), Err(Refusal::Proof)),
        "from nothing nothing is to be proven"
    );
    let kept = std::fs::read_dir(folder.path().join("state")).unwrap().count();
    assert_eq!(kept, 1, "the lock alone");
}

#[test]
fn t26_fifty_at_once_make_one_history() {
    let folder = tempfile::tempdir().unwrap();
    let witness = open(folder.path());
    for round in 0..20 {
        let origin = format!("{NAME}/{round}");
        let asks = |number: u64| {
            let history = if number.is_multiple_of(2) { A } else { B };
            (history, 4 + number % 5)
        };
        let cosigned: Vec<(char, u64)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..50)
                .map(|number| {
                    let (history, size) = asks(number);
                    let body = history.asks(&origin, 0, size);
                    let witness = &witness;
                    scope.spawn(move || witness.add(&body).is_ok().then_some((history.0, size)))
                })
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(
            cosigned.len(),
            1,
            "each said that nothing was cosigned before: {cosigned:?}"
        );
    }
}

/// The process, and where it listens.
struct Running {
    child: Child,
    port: u16,
    key: PublicKey,
}

impl Running {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_yunshu-witness"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let (address, key) = line.trim().split_once(' ').unwrap();
        let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
        let key = key.parse().unwrap();
        Self { child, port, key }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn client(&self) -> Egress {
        let limits = Limits {
            ports: vec![self.port],
            opened: vec!["127.0.0.0/8".parse().unwrap()],
            ..Limits::default()
        };
        Egress::new(limits).unwrap()
    }

    /// Status and body; none if it died.
    async fn add(&self, client: &Egress, body: &str) -> Option<(u16, String, http::HeaderMap)> {
        let ask = http::Request::post(format!("http://127.0.0.1:{}/add-checkpoint", self.port));
        let answer = client.call(ask.body(body.as_bytes().to_vec()).unwrap()).await.ok()?;
        let text = String::from_utf8(answer.body().clone()).unwrap();
        Some((answer.status().as_u16(), text, answer.headers().clone()))
    }
}

fn configured(folder: &Path) -> std::path::PathBuf {
    let config = folder.join("witness.toml");
    let text = format!(
        "[witness]\nlisten = \"127.0.0.1:0\"\nname = \"witness.example/w1\"\nkey = \"{key}\"\nstate = \"{state}\"\n\
         logs = [{{ origin = \"{NAME}/*\", keys = [\"{log}\"] }}]\n",
        key = folder.join("key").display(),
        state = folder.join("state").display(),
        log = log_key().public(),
    );
    std::fs::write(&config, text).unwrap();
    config
}

#[tokio::test]
async fn each_answer_has_the_status_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&configured(folder.path()));
    let client = running.client();
    let (status, line, _) = running.add(&client, &A.asks(ORIGIN, 0, 5)).await.unwrap();
    assert_eq!(status, 200);
    holds(&running.key, &line, A, 5);
    let (status, size, headers) = running.add(&client, &A.asks(ORIGIN, 0, 6)).await.unwrap();
    assert_eq!(
        (status, size.as_str(), &headers["content-type"]),
        (409, "5\n", &"text/x.tlog.size".parse().unwrap())
    );
    let stranger = Signer::from_seed(NAME, &[2; 32]).unwrap();
    let cases = [
        (400, "junk".to_owned()),
        (400, A.asks(ORIGIN, 0, 5).replacen("old 0", "old 6", 1)),
        (403, format!("old 5\n\n{}", A.note(ORIGIN, 5, &stranger))),
        (404, A.asks("another.example/log", 0, 5)),
        (409, B.asks(ORIGIN, 5, 5)),
        (413, "x".repeat(1 << 20)),
        (422, B.asks(ORIGIN, 5, 7)),
    ];
    for (wanted, body) in cases {
        let answered = running.add(&client, &body).await;
        // Of what is too long the rest is not read, so that the answer may be lost on the way.
        assert!(
            answered.as_ref().is_none_or(|answer| answer.0 == wanted),
            "{wanted}: {answered:?}"
        );
        assert!(answered.is_some() || wanted == 413, "{wanted}");
    }
    running.kill();
}

#[tokio::test]
async fn t26_a_witness_that_dies_at_any_moment_cosigns_one_history() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    // What anybody was told: the root of each size.
    let mut told: BTreeMap<u64, Hash> = BTreeMap::new();
    let mut known = BTreeMap::from([('a', 0), ('b', 0)]);
    for round in 0..30_u64 {
        let running = Running::start(&config);
        let client = running.client();
        let (answered, mut heard) = tokio::sync::watch::channel(0);
        let asking = async {
            loop {
                for history in [A, B] {
                    let old = known[&history.0];
                    let size = old.max(3) + 1 + round % 3;
                    let Some((status, text, _)) = running.add(&client, &history.asks(ORIGIN, old, size)).await else {
                        return;
                    };
                    answered.send_modify(|count| *count += 1);
                    match status {
                        200 => {
                            holds(&running.key, &text, history, size);
                            let before = told.insert(size, history.root(size));
                            assert!(
                                before.is_none_or(|root| root == history.root(size)),
                                "two roots at {size}"
                            );
                            known.insert(history.0, size);
                        }
                        409 => drop(known.insert(history.0, text.trim().parse().unwrap())),
                        422 => {}
                        _ => panic!("{status}: {text}"),
                    }
                }
            }
        };
        // At another moment each time; what was asked then is answered or not.
        let moment = async {
            heard.wait_for(|count| *count >= round % 5).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_micros(700 * (round % 11))).await;
        };
        tokio::select! { () = asking => {}, () = moment => {} }
        running.kill();
    }
    assert!(told.len() > 5, "{told:?}");
    let ours = |history: History| told.iter().all(|(size, root)| history.root(*size) == *root);
    assert!(ours(A) || ours(B), "two histories were cosigned");
    // And it has forgotten nothing that it told.
    let witness = open(folder.path());
    let last = *told.keys().next_back().unwrap();
    match witness.add(&A.asks(ORIGIN, 0, last + 1)) {
        Err(Refusal::Conflict(size)) => assert!(size >= last),
        other => panic!("{other:?}"),
    }
}
