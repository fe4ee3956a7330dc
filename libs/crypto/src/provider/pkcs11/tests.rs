//! Against Debian's `SoftHSM`. It reads where its tokens are from the environment of its process, so each test runs in a process
//! of its own.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use cryptoki::object::Attribute;
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::*;
use crate::provider::conformance::{Subject, holds};
use crate::{check, random};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "canary-of-the-pin";
const SO_PIN: &str = "canary-of-the-officer";

/// Runs the test of this name again in a process of its own, and gives it its tokens there.
fn alone(test: &str) -> Option<Hsm> {
    if std::env::var_os("YUNSHU_TEST_HSM").is_some() {
        return Some(Hsm::here());
    }
    assert!(
        PathBuf::from(MODULE).exists(),
        "no SoftHSM to test against: apt-get install softhsm2"
    );
    let folder = tempfile::tempdir().unwrap();
    let (tokens, settings) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    std::fs::create_dir(&tokens).unwrap();
    let lines = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
    std::fs::write(&settings, lines).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("provider::pkcs11::tests::{test}"), "--nocapture"])
        .env("SOFTHSM2_CONF", &settings)
        .env("YUNSHU_TEST_HSM", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let complained = String::from_utf8_lossy(&child.stderr);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}\n{complained}"
    );
    None
}

/// `SoftHSM` in this process.
struct Hsm {
    folder: PathBuf,
}

impl Hsm {
    fn here() -> Self {
        let folder = PathBuf::from(std::env::var_os("YUNSHU_TEST_HSM").unwrap());
        Self { folder }
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn pin_file(&self, pin: &str) -> PathBuf {
        let file = self.folder.join("pin");
        std::fs::write(&file, format!("{pin}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        file
    }

    /// A token that is ready for keys.
    fn token(&self, label: &str) -> Pkcs11Settings {
        let made: Result<(), Failure> = Module::of(Path::new(MODULE)).connect(|context, _| {
            let free = |slot: &Slot| !context.get_token_info(*slot).unwrap().token_initialized();
            let slot = context.get_slots_with_token()?.into_iter().find(free).unwrap();
            let officer = AuthPin::from(SO_PIN);
            context.init_token(slot, &officer, label)?;
            // Its slot has another number from here on.
            let named = |slot: &Slot| context.get_token_info(*slot).unwrap().label() == label;
            let slot = context.get_slots_with_token()?.into_iter().find(named).unwrap();
            let session = context.open_rw_session(slot)?;
            session.login(cryptoki::session::UserType::So, Some(&officer))?;
            session.init_pin(&AuthPin::from(PIN))?;
            Ok(session.logout()?)
        });
        made.unwrap();
        Pkcs11Settings {
            module: MODULE.into(),
            token: label.to_owned(),
            key: "kek".to_owned(),
            pin_file: self.pin_file(PIN),
        }
    }

    async fn key(&self, label: &str) -> Pkcs11 {
        let settings = self.token(label);
        Pkcs11::make_key(settings.clone()).await.unwrap();
        Pkcs11::new(settings)
    }

    /// Another process changes what the tokens are made of.
    fn outside(&self, script: &str) {
        let done = Command::new("sh")
            .args(["-ec", script])
            .current_dir(self.tokens())
            .status();
        assert!(done.unwrap().success(), "{script}");
    }

    /// Another process that holds every lock of the tokens: the module waits for them, without end.
    fn hang(&self) -> Child {
        const HOLD: &str = "import fcntl, glob, sys\n\
            held = [open(f, 'r+b') for f in glob.glob(sys.argv[1] + '/*/*')]\n\
            [fcntl.lockf(f, fcntl.LOCK_EX) for f in held]\n\
            print('held', flush=True)\n\
            sys.stdin.read()\n";
        let mut python = Command::new("python3")
            .args(["-c", HOLD])
            .arg(self.tokens())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 to hold locks with: apt-get install python3");
        let mut line = String::new();
        BufReader::new(python.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "held\n");
        python
    }
}

struct Tokens {
    hsm: Hsm,
    provider: Pkcs11,
    other: Pkcs11,
}

impl Subject for Tokens {
    fn provider(&self) -> &dyn KekProvider {
        &self.provider
    }

    fn other(&self) -> &dyn KekProvider {
        &self.other
    }

    fn secrets(&self) -> Vec<String> {
        vec![PIN.to_owned(), SO_PIN.to_owned()]
    }

    fn away(&self) -> BoxFuture<'_, bool> {
        self.hsm.outside("mkdir ../away && mv * ../away");
        Box::pin(std::future::ready(true))
    }

    fn back(&self) -> BoxFuture<'_, ()> {
        self.hsm.outside("mv ../away/* . && rmdir ../away");
        Box::pin(std::future::ready(()))
    }
}

#[tokio::test]
async fn a_token_is_a_provider() {
    let Some(hsm) = alone("a_token_is_a_provider") else {
        return;
    };
    let (provider, other) = (hsm.key("yunshu").await, hsm.key("other").await);
    holds(&Tokens { hsm, provider, other }).await;
}

#[tokio::test]
async fn t20_the_key_cannot_leave_and_its_label_is_its_own() {
    let Some(hsm) = alone("t20_the_key_cannot_leave_and_its_label_is_its_own") else {
        return;
    };
    let provider = hsm.key("yunshu").await;
    let settings = provider.token.settings.clone();
    let key = random();
    let wrapped = provider.wrap(&key, b"a").await.unwrap();

    let again = Pkcs11::make_key(settings).await.unwrap_err().to_string();
    assert!(again.contains("already"), "{again}");
    assert_eq!(
        *provider.unwrap(&wrapped, b"a").await.unwrap(),
        key,
        "it is the same key"
    );

    let value = provider.with_key(|session, key| {
        let told = session.get_attributes(key, &[cryptoki::object::AttributeType::Value]);
        Ok(told.is_ok_and(|told| !told.is_empty()))
    });
    assert_eq!(value.await, Ok(false), "the token gives nobody the key");
}

#[tokio::test]
async fn t20_a_key_that_may_leave_its_token_is_no_kek() {
    let Some(hsm) = alone("t20_a_key_that_may_leave_its_token_is_no_kek") else {
        return;
    };
    let settings = hsm.token("yunshu");
    let make = |label: &str, sensitive, extractable, length: u64| {
        let template = [
            Attribute::Token(true),
            Attribute::Sensitive(sensitive),
            Attribute::Extractable(extractable),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
            Attribute::ValueLen(length.into()),
            Attribute::Label(label.as_bytes().to_vec()),
        ];
        let made: Result<(), Failure> = Module::of(Path::new(MODULE)).connect(|context, _| {
            let session = context.open_rw_session(connection::slot(context, &settings)?)?;
            connection::sign_in(&session, &settings, &mut None)?;
            session.generate_key(&cryptoki::mechanism::Mechanism::AesKeyGen, &template)?;
            Ok(())
        });
        made.unwrap();
    };
    make("open", false, false, 32);
    make("extractable", true, true, 32);
    make("short", true, false, 16);
    make("twin", true, false, 32);
    make("twin", true, false, 32);
    for (label, complaint) in [
        ("open", "may leave the token"),
        ("extractable", "may leave the token"),
        ("short", "no AES-256"),
        ("twin", "several keys"),
        ("none", "no key `none`"),
    ] {
        let settings = Pkcs11Settings {
            key: label.to_owned(),
            ..settings.clone()
        };
        let error = check(&Pkcs11::new(settings)).await.unwrap_err();
        assert!(
            matches!(&error, KekError::Refused { cause, .. } if cause.contains(complaint)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn t22_a_wrong_pin_is_offered_once_and_the_right_one_mends_it() {
    let Some(hsm) = alone("t22_a_wrong_pin_is_offered_once_and_the_right_one_mends_it") else {
        return;
    };
    let provider = hsm.key("yunshu").await;
    hsm.pin_file("wrong");
    for _ in 0..20 {
        let error = provider.wrap(&random(), b"a").await.unwrap_err();
        assert!(
            matches!(&error, KekError::Refused { cause, .. } if cause.contains("PinIncorrect")),
            "{error}"
        );
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    assert!(provider.token.wrong.lock().unwrap().is_some());
    hsm.pin_file(PIN);
    assert_eq!(check(&provider).await, Ok(()));
    assert!(provider.token.wrong.lock().unwrap().is_none());
}

#[tokio::test]
async fn t24_a_pin_that_others_can_read_is_not_used() {
    let Some(hsm) = alone("t24_a_pin_that_others_can_read_is_not_used") else {
        return;
    };
    let provider = hsm.key("yunshu").await;
    let file = provider.token.settings.pin_file.clone();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let error = provider.wrap(&random(), b"a").await.unwrap_err();
    assert!(
        matches!(&error, KekError::Refused { cause, .. } if cause.contains("chmod 600")),
        "{error}"
    );
}

#[tokio::test]
async fn t22_a_token_that_hangs_is_unavailable_in_time_and_goes_on_by_itself() {
    let Some(hsm) = alone("t22_a_token_that_hangs_is_unavailable_in_time_and_goes_on_by_itself") else {
        return;
    };
    let mut provider = hsm.key("yunshu").await;
    let key = random();
    let wrapped = provider.wrap(&key, b"a").await.unwrap();

    provider.patience = Duration::from_millis(300);
    let mut holder = hsm.hang();
    let begun = std::time::Instant::now();
    let calls = (0..20).map(|_| provider.unwrap(&wrapped, b"a"));
    for hung in futures::future::join_all(calls).await {
        assert!(
            matches!(&hung, Err(KekError::Unavailable { cause, .. }) if cause.contains("300ms")),
            "{hung:?}"
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "all are told in time: {:?}",
        begun.elapsed()
    );
    assert_eq!(
        provider.turns.available_permits(),
        0,
        "what hangs keeps its place, and no thread more"
    );

    drop(holder.stdin.take());
    holder.wait().unwrap();
    provider.patience = PATIENCE;
    assert_eq!(*provider.unwrap(&wrapped, b"a").await.unwrap(), key);
}

#[tokio::test]
async fn t22_a_key_that_is_destroyed_is_refused() {
    let Some(hsm) = alone("t22_a_key_that_is_destroyed_is_refused") else {
        return;
    };
    let provider = hsm.key("yunshu").await;
    let wrapped = provider.wrap(&random(), b"a").await.unwrap();
    let destroyed = provider.turn(|token| {
        token.module.connect(|context, _| {
            let session = context.open_rw_session(connection::slot(context, &token.settings)?)?;
            connection::sign_in(&session, &token.settings, &mut None)?;
            for key in connection::keys(&session, &token.settings)? {
                session.destroy_object(key)?;
            }
            Ok(())
        })
    });
    destroyed.await.unwrap();
    let gone = provider.unwrap(&wrapped, b"a").await.unwrap_err();
    assert!(
        matches!(&gone, KekError::Refused { cause, .. } if cause.contains("no key `kek`")),
        "{gone}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_named_with_its_mend() {
    let Some(hsm) = alone("what_is_not_there_is_named_with_its_mend") else {
        return;
    };
    let settings = hsm.token("yunshu");
    let module = Pkcs11Settings {
        module: "/nonexistent/module.so".into(),
        ..settings.clone()
    };
    let token = Pkcs11Settings {
        token: "nobody's".to_owned(),
        ..settings.clone()
    };
    let pin = Pkcs11Settings {
        pin_file: "/nonexistent/pin".into(),
        ..settings
    };
    for (settings, complaint) in [
        (module, "/nonexistent/module.so cannot be loaded"),
        (token, "no token `nobody's`"),
        (pin, "/nonexistent/pin"),
    ] {
        let error = check(&Pkcs11::new(settings)).await.unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}
