use std::collections::HashSet;
use std::time::Duration;

use super::*;
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
    let new = upload(&folder, "a", &vec![7; 1 << 20]);
    assert!(matches!(blobs.take_kernel(&new).await, Err(Error::Underway)));
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
    let new = upload(&folder, "a", b"no disk at all");
    assert!(matches!(blobs.take_disk(&new).await, Err(Error::Underway)));
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
