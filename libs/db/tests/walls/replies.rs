//! Answers to `Idempotency-Key`s hold what people were answered: they are kept for a day, in every service.

use db::Reason;
use testkit::Bench;

#[tokio::test]
async fn every_service_forgets_its_old_replies_and_keeps_the_young() {
    let bench = Bench::new().await;
    let mut owner = bench.superuser().await;
    let schemas: Vec<String> =
        sqlx::query_scalar("select schemaname::text from pg_tables where tablename = 'replies' order by 1")
            .fetch_all(&mut owner)
            .await
            .unwrap();
    assert!(schemas.len() >= 4, "{schemas:?}");
    for schema in schemas {
        let plant = format!(
            "insert into {schema}.replies (tenant_id, principal, key, fingerprint, created_at)
             select gen_random_uuid(), 'user:someone', hours::text, '', now() - hours * interval '1 hour'
             from unnest(array[1, 23, 25, 26, 1000]) as hours"
        );
        sqlx::query(sqlx::AssertSqlSafe(plant))
            .execute(&mut owner)
            .await
            .unwrap();
        let db = bench.db(&schema);
        let forget = async |at_most| {
            let mut tx = db.system(Reason::Housekeeping).await.unwrap();
            let gone = tx.forget_replies(at_most).await.unwrap();
            tx.commit().await.unwrap();
            gone
        };
        let gone = [forget(2).await, forget(2).await, forget(2).await];
        assert_eq!(gone, [2, 1, 0], "{schema}");
        let left = format!("select key from {schema}.replies order by created_at desc");
        let left: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(left))
            .fetch_all(&mut owner)
            .await
            .unwrap();
        assert_eq!(left, ["1", "23"], "{schema}");
    }
}
