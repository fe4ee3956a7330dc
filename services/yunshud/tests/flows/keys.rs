//! The key-encryption key in a token: made by the command line, proven at each start.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "canary-of-the-pin";

/// A token of `SoftHSM` in a folder, and a configuration that names a key in it.
struct Token(tempfile::TempDir);

impl Token {
    fn new() -> Self {
        assert!(
            Path::new(MODULE).exists(),
            "no SoftHSM to test against: apt-get install softhsm2"
        );
        let token = Self(tempfile::tempdir().unwrap());
        let folder = token.0.path();
        std::fs::create_dir(folder.join("tokens")).unwrap();
        let lines = format!("directories.tokendir = {}\n", folder.join("tokens").display());
        std::fs::write(folder.join("softhsm2.conf"), lines).unwrap();
        let done = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "yunshu", "--so-pin", "officer"])
            .args(["--pin", PIN])
            .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{done:?}");
        crypto::Kek::open_or_make(&folder.join("kek")).unwrap();
        std::fs::write(folder.join("pin"), PIN).unwrap();
        std::fs::set_permissions(folder.join("pin"), PermissionsExt::from_mode(0o600)).unwrap();
        token
    }

    /// What `yunshud` says to this, and whether it was content.
    fn yunshud(&self, command: &[&str], provider: &str) -> (bool, String) {
        let folder = self.0.path();
        let file = folder.join("yunshud.toml");
        let config = format!(
            "[database]\nhost = \"/nonexistent\"\nport = 1\nname = \"n\"\n\
             [gateway]\ntls = \"127.0.0.1:0\"\npki = \"{folder}/pki\"\n\
             [compute]\nimages = \"{folder}/images\"\nuploads = \"{folder}\"\n[portal]\nassets = \"{folder}\"\n\
             [crypto]\nkek = \"{folder}/kek\"\n\
             provider.pkcs11 = {{ module = \"{MODULE}\", pin_file = \"{folder}/pin\", {provider} }}\n",
            folder = folder.display(),
        );
        std::fs::write(&file, config).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_yunshud"))
            .args(command)
            .arg("--config")
            .arg(&file)
            .env("SOFTHSM2_CONF", folder.join("softhsm2.conf"))
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains(PIN), "t24 {said}");
        (done.status.success(), said)
    }
}

#[test]
fn t22_a_key_is_made_once_and_nothing_starts_without_it() {
    const KEY: &str = "token = \"yunshu\", key = \"kek\"";
    let token = Token::new();
    let refuses = |command: &[&str], provider: &str, complaint: &str| {
        let (content, said) = token.yunshud(command, provider);
        assert!(!content && said.contains(complaint), "{command:?}: {said}");
    };
    refuses(
        &["serve"],
        KEY,
        "the token has no key `kek`: make it by `yunshud keys make`",
    );
    refuses(&["keys", "check"], KEY, "the token has no key `kek`");

    let (content, said) = token.yunshud(&["keys", "make"], KEY);
    assert!(content, "{said}");
    let (content, said) = token.yunshud(&["keys", "check"], KEY);
    assert!(content, "{said}");

    refuses(&["keys", "make"], KEY, "has a key `kek` already");
    refuses(
        &["serve"],
        "token = \"gone\", key = \"kek\"",
        "there is no token `gone`: plug it in",
    );
    refuses(
        &["serve"],
        "token = \"yunshu\", key = \"a/b\"",
        "crypto.provider.pkcs11.key: must be",
    );
    std::fs::write(token.0.path().join("pin"), "wrong").unwrap();
    refuses(&["serve"], KEY, "put the right PIN into the file");
}
