//! Files with the verdict that belongs to each, for both verifiers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde::{Deserialize, Serialize};
use tlog::Hash;
use tlog::bundle::{Trust, verify};

/// A file, what whoever verifies it knows, and what must come out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    pub file: String,
    pub keys: Vec<String>,
    pub witnesses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnesses_needed: Option<usize>,
    /// A file with a checkpoint.
    pub trusted: Option<String>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Verdict {
    Bad {
        code: String,
        seq: Option<u64>,
        line: u64,
    },
    Good {
        entries: u64,
        withheld: u64,
        checkpoints: u64,
        first_seq: Option<u64>,
        last_seq: Option<u64>,
        size: u64,
        root: Hash,
        agrees_with: Option<u64>,
        /// The size of the register that the last checkpoint is in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        register: Option<u64>,
        warnings: Vec<String>,
    },
}

/// What the verifier of this crate says.
pub fn verdict(bytes: &[u8], trust: &Trust) -> Verdict {
    match verify(bytes, trust) {
        Ok(report) => Verdict::Good {
            entries: report.entries,
            withheld: report.withheld,
            checkpoints: report.checkpoints,
            first_seq: report.first_seq,
            last_seq: report.last_seq,
            size: report.size,
            root: report.root,
            agrees_with: report.agrees_with,
            register: report.register.map(|register| register.size),
            warnings: report.warnings.iter().map(|warning| warning.code.to_owned()).collect(),
        },
        Err(found) => Verdict::Bad {
            code: found.what.code().to_owned(),
            seq: found.seq,
            line: found.line,
        },
    }
}

/// Where cases are written.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one among what is built.
    pub fn empty(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the file, and what is trusted beside it.
    pub fn write(&self, name: &str, bytes: &[u8], trust: &Trust) -> Case {
        let file = format!("{name}.ndjson");
        fs::write(self.0.join(&file), bytes).unwrap();
        let trusted = trust.checkpoint.as_ref().map(|note| {
            let file = format!("{name}.checkpoint");
            fs::write(self.0.join(&file), note).unwrap();
            file
        });
        Case {
            file,
            keys: trust.keys.iter().map(ToString::to_string).collect(),
            witnesses: trust.witnesses.iter().map(ToString::to_string).collect(),
            witnesses_needed: trust.witnesses_needed,
            trusted,
            verdict: verdict(bytes, trust),
        }
    }

    pub fn expect(&self, cases: &[Case]) {
        let json = serde_json::to_string_pretty(cases).unwrap() + "\n";
        fs::write(self.0.join("expected.json"), json).unwrap();
    }
}

/// Lets the verifier in Python judge the same files. `./dev test` names a Python that can.
pub fn agree(folder: &Path) {
    let python = env::var_os("YUNSHU_PYTHON").unwrap_or_else(|| "python3".into());
    let able = Command::new(&python).args(["-c", "import cryptography"]).output();
    assert!(
        able.is_ok_and(|able| able.status.success()),
        "{} cannot run the second verifier: give it `cryptography` (pip install), or name one that has it in YUNSHU_PYTHON",
        python.display()
    );
    let twin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/audit/verifier/agree.py");
    let said = Command::new(&python).arg("-B").arg(twin).arg(folder).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{text}");
}
