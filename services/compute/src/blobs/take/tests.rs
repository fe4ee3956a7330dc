use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use super::*;
use crate::Settings;
use crate::testing::{Folder, sha256};

fn upload(folder: &Folder, name: &str, bytes: &[u8]) -> NewFile {
    fs::write(folder.uploads().join(name), bytes).unwrap();
    NewFile {
        from: Whence::Upload(UploadPath::parse(name).unwrap()),
        sha256: sha256(bytes).parse().unwrap(),
    }
}

fn count(folder: &Folder) -> usize {
    fs::read_dir(folder.images()).unwrap().count()
}

#[tokio::test]
async fn a_draft_that_is_dropped_leaves_nothing() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    let draft = blobs.take_kernel(&upload(&folder, "a", b"kernel")).await.unwrap();
    assert_eq!(count(&folder), 1);
    drop(draft);
    assert_eq!(count(&folder), 0);
}

#[tokio::test]
async fn two_drafts_of_one_file_become_one() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    let new = upload(&folder, "a", b"kernel");
    let (one, other) = (
        blobs.take_kernel(&new).await.unwrap(),
        blobs.take_kernel(&new).await.unwrap(),
    );
    one.publish().unwrap();
    other.publish().unwrap();
    assert_eq!(count(&folder), 1);
    let (_, length) = blobs.read(&new.sha256).await.unwrap().unwrap();
    assert_eq!(length, 6);
    // A third needs its source no more.
    fs::remove_file(folder.uploads().join("a")).unwrap();
    blobs.take_kernel(&new).await.unwrap().publish().unwrap();
}

#[tokio::test]
async fn a_file_that_vanished_before_its_publication_is_noticed() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    let new = upload(&folder, "a", b"kernel");
    blobs.take_kernel(&new).await.unwrap().publish().unwrap();
    let again = blobs.take_kernel(&new).await.unwrap();
    fs::remove_file(folder.images().join(new.sha256.as_str())).unwrap();
    assert!(matches!(again.publish(), Err(Error::Folder(_))));
}

#[tokio::test]
async fn what_a_crash_left_goes_at_the_next_start() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    std::mem::forget(blobs.take_kernel(&upload(&folder, "a", b"kernel")).await.unwrap());
    assert_eq!(count(&folder), 1);
    Blobs::open(&folder.settings()).unwrap();
    assert_eq!(count(&folder), 0);
}

#[tokio::test]
async fn the_sweep_takes_only_what_is_old_and_unknown() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    for bytes in [b"known", b"stray"] {
        blobs
            .take_kernel(&upload(&folder, "a", bytes))
            .await
            .unwrap()
            .publish()
            .unwrap();
    }
    fs::write(folder.images().join("README"), "not a digest").unwrap();
    let known = HashSet::from([sha256(b"known")]);
    let hour = Duration::from_hours(1);
    let now = folder.images().metadata().unwrap().modified().unwrap();
    assert_eq!(blobs.sweep(&known, now, hour).unwrap(), 0, "young");
    assert_eq!(blobs.sweep(&known, now + 2 * hour, hour).unwrap(), 1);
    assert_eq!(blobs.sweep(&known, now + 2 * hour, hour).unwrap(), 0, "twice is once");
    assert_eq!(count(&folder), 2);
    assert!(blobs.read(&sha256(b"known").parse().unwrap()).await.unwrap().is_some());
}

#[tokio::test]
async fn what_takes_too_long_goes_on_and_is_there_for_the_next_try() {
    let folder = Folder::new();
    let mut blobs = Blobs::open(&folder.settings()).unwrap();
    blobs.patience = Duration::ZERO;
    // All turns are taken, so it cannot be quicker than no patience at all.
    let turns = blobs.turn.clone().acquire_many_owned(2).await.unwrap();
    let new = upload(&folder, "a", &vec![7; 1 << 20]);
    assert!(matches!(blobs.take_kernel(&new).await, Err(Error::Underway)));
    drop(turns);
    let taken = testkit::eventually("the file to be taken in", async || blobs.take_kernel(&new).await.ok()).await;
    assert_eq!(taken.file.size, 1 << 20);
    taken.publish().unwrap();
    assert_eq!(count(&folder), 1);
}

#[tokio::test]
async fn a_file_is_taken_in_once_at_a_time() {
    let folder = Folder::new();
    let blobs = Blobs::open(&folder.settings()).unwrap();
    let new = upload(&folder, "a", b"kernel");
    let turn = blobs.underway.enter(&new.sha256).unwrap();
    assert!(matches!(blobs.take_kernel(&new).await, Err(Error::Underway)));
    drop(turn);
    blobs.take_kernel(&new).await.unwrap();
}

#[tokio::test]
async fn t55_a_hostile_disk_is_not_kept_for_a_next_try() {
    let folder = Folder::new();
    let mut blobs = Blobs::open(&folder.settings()).unwrap();
    blobs.patience = Duration::ZERO;
    let turns = blobs.turn.clone().acquire_many_owned(2).await.unwrap();
    let new = upload(&folder, "a", b"no disk at all");
    assert!(matches!(blobs.take_disk(&new).await, Err(Error::Underway)));
    drop(turns);
    blobs.tasks.close();
    blobs.tasks.wait().await;
    assert_eq!(count(&folder), 0);
}

#[tokio::test]
async fn closing_ends_what_is_underway() {
    let folder = Folder::new();
    let mut blobs = Blobs::open(&folder.settings()).unwrap();
    blobs.patience = Duration::ZERO;
    // All turns are taken: it would wait for ever.
    let _turns = blobs.turn.clone().acquire_many_owned(2).await.unwrap();
    let new = upload(&folder, "a", b"kernel");
    assert!(matches!(blobs.take_kernel(&new).await, Err(Error::Underway)));
    blobs.close().await;
    assert_eq!(count(&folder), 0);
}

const INSIDE: &str = "YUNSHU_TEST_INSIDE";

/// Runs itself again in a network namespace in which 11.0.0.1 is a public address with a server on it.
#[test]
fn t50_a_url_is_fetched_hashed_and_bounded() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(inside());
    }
    let mut command = Command::new("unshare");
    command.arg("--net");
    let user = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if user.trim_ascii() != b"0" {
        command.args(["--user", "--map-root-user"]);
    }
    let name = std::thread::current().name().unwrap().to_owned();
    let setup = "set -e; ip link set lo up; ip addr add 11.0.0.1/32 dev lo; exec \"$0\" --exact \"$1\" --nocapture";
    command
        .args(["sh", "-c", setup])
        .arg(std::env::current_exe().unwrap())
        .arg(name);
    let ran = command.env(INSIDE, "1").output();
    let ran = ran.expect("unshare is missing: apt-get install util-linux");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        ran.status.success(),
        "needs root or user namespaces, and iproute2: {said}"
    );
    assert!(said.contains("it was fetched"), "{said}");
}

async fn inside() {
    let listener = TcpListener::bind("11.0.0.1:80").unwrap();
    std::thread::spawn(move || {
        for mut visitor in listener.incoming().flatten() {
            let mut asked = [0; 1024];
            let length = visitor.read(&mut asked).unwrap();
            let answer = match String::from_utf8_lossy(&asked[..length]).split(' ').nth(1) {
                Some("/kernel") => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nkernel".to_owned(),
                Some("/moved") => "HTTP/1.1 302 Found\r\nlocation: /kernel\r\ncontent-length: 0\r\n\r\n".to_owned(),
                Some("/large") => format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}",
                    "x".repeat((1 << 20) + 1)
                ),
                Some("/torn") => "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\nkernel".to_owned(),
                _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            };
            // Who has heard enough hangs up.
            drop(visitor.write_all(answer.as_bytes()));
        }
    });
    let folder = Folder::new();
    let blobs = Blobs::open(&Settings {
        kernel_mib: 1,
        ..folder.settings()
    })
    .unwrap();
    let take = async |path: &str, bytes: &[u8]| {
        let from = Whence::Url(format!("http://11.0.0.1{path}"));
        blobs
            .take_kernel(&NewFile {
                from,
                sha256: sha256(bytes).parse().unwrap(),
            })
            .await
    };
    let fetch = |error: Result<Draft, Error>| match error.unwrap_err() {
        Error::Fetch(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(take("/kernel", b"other").await, Err(Error::Digest(_))));
    assert!(matches!(take("/large", b"other").await, Err(Error::TooLarge(1))));
    assert_eq!(fetch(take("/torn", b"kernel").await), egress::Error::Broken);
    assert_eq!(fetch(take("/none", b"kernel").await), egress::Error::Status(404));
    assert_eq!(count(&folder), 0);
    let draft = take("/moved", b"kernel").await.unwrap();
    assert_eq!(draft.file.size, 6);
    draft.publish().unwrap();
    assert_eq!(fs::read(folder.images().join(sha256(b"kernel"))).unwrap(), b"kernel");
    println!("it was fetched");
}
