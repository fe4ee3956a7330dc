//! Removes image files that nothing needs any more.
//!
//! A file is needed by an image, or by a machine that was made from an image that is gone. The list is read and the files
//! are removed under the blobs' lock, which every publication shares: between a file's publication and the commit of its
//! row no sweep runs, so no needed file is ever off the list. Young files stay in any case: their image may be a try that
//! is about to be repeated.

use std::time::Duration;

use db::{Db, Reason};

use super::Rounds;
use crate::blobs::Blobs;
use crate::store;

/// How long a file lies before it goes.
const YOUNG: Duration = Duration::from_hours(1);

/// The sweeper.
pub struct Sweeper {
    /// The database.
    pub db: Db,
    /// The files.
    pub blobs: Blobs,
}

impl Rounds for Sweeper {
    async fn round(&self) -> Result<usize, fault::Error> {
        let mut tx = self.db.system(Reason::Housekeeping).await?;
        let known = store::images::lock_and_list_blobs(&mut tx).await?;
        let (blobs, now) = (self.blobs.clone(), self.db.clock().now());
        let swept = tokio::task::spawn_blocking(move || blobs.sweep(&known, now.into(), YOUNG)).await;
        tx.commit().await?;
        let removed = swept.map_err(fault::Error::internal)?.map_err(fault::Error::internal)?;
        if removed > 0 {
            tracing::info!(removed, "image files that nothing needs were removed");
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::testing::{Test, sha256, start};

    fn sweeper(test: &Test) -> Sweeper {
        Sweeper {
            db: test.bench.db("compute"),
            blobs: Blobs::open(&test.folder.settings()).unwrap(),
        }
    }

    fn age(test: &Test) {
        for entry in std::fs::read_dir(test.folder.images()).unwrap() {
            let file = std::fs::File::options()
                .append(true)
                .open(entry.unwrap().path())
                .unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
    }

    fn there(test: &Test, name: &str) -> bool {
        test.folder
            .images()
            .join(sha256(format!("kernel of {name}").as_bytes()))
            .exists()
    }

    #[tokio::test]
    async fn files_go_with_the_last_that_needs_them_and_twice_is_once() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let sweeper = sweeper(&test);
        for name in ["kept", "gone"] {
            test.image(&operator, name).await;
        }
        age(&test);
        assert_eq!(sweeper.round().await.unwrap(), 0, "both are images'");
        operator.delete_if("/api/v1/system/images/gone", "*").await.expect(204);
        assert_eq!(sweeper.round().await.unwrap(), 1);
        assert_eq!((there(&test, "kept"), there(&test, "gone")), (true, false));
        assert_eq!(sweeper.round().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_machine_keeps_the_files_of_an_image_that_is_gone() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let operator = test.operator(&tenant);
        test.flavor(&operator, "tiny").await;
        test.image(&operator, "gone").await;
        let owner = test.client.caller(&tenant.caller(auth::Role::Owner));
        let body = serde_json::json!({"name": "web", "flavor": "tiny", "image": "gone"});
        owner.post("/api/v1/projects/default/vms", body).await.expect(202);
        operator.delete_if("/api/v1/system/images/gone", "*").await.expect(204);
        age(&test);
        assert_eq!(sweeper(&test).round().await.unwrap(), 0);
        assert!(there(&test, "gone"));
    }

    #[tokio::test]
    async fn a_young_file_stays() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.image(&operator, "new").await;
        operator.delete_if("/api/v1/system/images/new", "*").await.expect(204);
        assert_eq!(sweeper(&test).round().await.unwrap(), 0);
        assert!(there(&test, "new"));
    }

    #[tokio::test]
    async fn no_sweep_runs_between_a_publication_and_its_commit() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        test.image(&operator, "taken").await;
        operator.delete_if("/api/v1/system/images/taken", "*").await.expect(204);
        age(&test);
        let mut publisher = test.bench.superuser().await;
        sqlx::query("begin").execute(&mut publisher).await.unwrap();
        sqlx::query("select pg_advisory_xact_lock_shared($1)")
            .bind(store::images::BLOBS_LOCK)
            .execute(&mut publisher)
            .await
            .unwrap();
        let sweeper = sweeper(&test);
        // The lock is not given within its time, and the round ends as it began.
        assert!(sweeper.round().await.is_err());
        assert!(there(&test, "taken"));
        sqlx::query("commit").execute(&mut publisher).await.unwrap();
        assert_eq!(sweeper.round().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_folder_that_fails_once_costs_a_round() {
        let test = start().await;
        let operator = test.operator(&test.bench.tenant("ops").await);
        let sweeper = sweeper(&test);
        test.image(&operator, "gone").await;
        operator.delete_if("/api/v1/system/images/gone", "*").await.expect(204);
        age(&test);
        let (images, away) = (test.folder.images(), test.folder.as_ref().join("away"));
        std::fs::rename(&images, &away).unwrap();
        assert!(sweeper.round().await.is_err());
        std::fs::rename(&away, &images).unwrap();
        assert_eq!(sweeper.round().await.unwrap(), 1);
    }
}
