use std::sync::Arc;

use auth::Role;
use crypto::{Destroyed, KekProvider, KeyError, Keyring, Place, Providers, Purpose};
use ids::TenantId;
use serde_json::json;
use testkit::{Bench, Client, Reply};

use crate::testing::{PASSWORD, start};

const PATH: &str = "/api/v1/tenant";

fn place(tenant: TenantId) -> Place<'static> {
    Place {
        tenant,
        table: "t",
        column: "c",
        row: "r",
    }
}

async fn end(client: &Client, query: &str, etag: Option<&str>, confirm: &str) -> Reply {
    let mut request = client.request(reqwest::Method::DELETE, &format!("{PATH}{query}"));
    if let Some(etag) = etag {
        request = request.header("If-Match", etag);
    }
    client.send(request.json(&json!({ "confirm": confirm }))).await
}

fn ring(bench: &Bench, list: Destroyed) -> Keyring {
    let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
    Keyring::new(Providers::of(provider), None, list, bench.clock.clone())
}

#[tokio::test]
async fn it_ends_for_whoever_names_it_has_read_it_and_has_emptied_it() {
    let test = start().await;
    let made = test.sign_up("acme").await;
    let tokens = test.sign_in(&made.email, PASSWORD).await.expect(200).json;
    let owner = test.enter(&tokens).await.unwrap();
    let seen = owner.get(PATH).await.expect(200);
    let etag = seen.header("ETag").to_owned();
    end(&owner, "", None, "acme").await.expect(428);
    end(&owner, "", Some("\"1\""), "acme").await.expect(412);
    end(&owner, "", Some(&etag), "byte").await.expect(400);
    assert_eq!(
        end(&owner, "", Some(&etag), "acme").await.expect(409).code(),
        "conflict"
    );

    let project = owner.get("/api/v1/projects/default").await.expect(200);
    owner
        .delete_if("/api/v1/projects/default", project.header("ETag"))
        .await
        .expect(204);
    end(&owner, "?dry_run=true", Some(&etag), "acme").await.expect(200);
    assert!(test.enter(&tokens).await.is_some(), "a dry run ends nothing");

    end(&owner, "", Some(&etag), "acme").await.expect(204);
    assert!(test.enter(&tokens).await.is_none(), "its sessions are over");
    test.sign_in(&made.email, PASSWORD).await.expect(401);
    let again = json!({"tenant": {"name": "acme"}, "user": {"email": "eve@acme.example", "password": PASSWORD}});
    test.client.post("/api/v1/auth/signup", again).await.expect(409);
    let log = test.bench.audit(made.tenant).await;
    assert!(log.contains(&("tenant.delete".to_owned(), "success".to_owned())));
    assert_eq!(
        test.bench.db("identity").keys(made.tenant).await.err(),
        Some(KeyError::Destroyed)
    );
}

#[tokio::test]
async fn t23_of_people_nothing_is_left() {
    let test = start().await;
    let made = test.sign_up("acme").await;
    let other = test.sign_up("byte").await;
    let tokens = test.sign_in(&made.email, PASSWORD).await.expect(200).json;
    let owner = test.enter(&tokens).await.unwrap();
    let seen = owner.get(PATH).await.expect(200);
    let project = owner.get("/api/v1/projects/default").await.expect(200);
    owner
        .delete_if("/api/v1/projects/default", project.header("ETag"))
        .await
        .expect(204);
    end(&owner, "", Some(seen.header("ETag")), "acme").await.expect(204);

    let mut sql = test.bench.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.columns
         where table_schema = 'identity' and column_name = 'tenant_id' order by 1",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    // Its name; what it asked of its people; who was let in from outside.
    let kept = ["tenants", "policies", "operator_access"];
    for table in tables.iter().filter(|table| !kept.contains(&table.as_str())) {
        let rows = test.bench.dump(&format!("identity.{table}")).await;
        assert!(!rows.contains(&made.tenant.to_string()), "{table}: {rows}");
    }
    test.sign_in(&other.email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn t23_a_backup_that_is_restored_stays_unreadable() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    let files = tempfile::tempdir().unwrap();
    let list = Destroyed::open(&files.path().join("destroyed")).unwrap();
    let db = test.bench.db("identity").with_keys(ring(&test.bench, list.clone()));
    let sealed = db
        .keys(acme.id)
        .await
        .unwrap()
        .seal(Purpose::Audit, &place(acme.id), b"x")
        .unwrap();
    let mut sql = test.bench.superuser().await;
    sqlx::query("create table public.backup as select * from keys.tenant_keys")
        .execute(&mut sql)
        .await
        .unwrap();

    test.bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            acme.id,
        )
        .await;
    crate::work::keys::note_destroyed(&db, db.keyring().unwrap())
        .await
        .unwrap();
    sqlx::query(
        "update keys.tenant_keys k set wrapped = b.wrapped, destroyed_at = null from public.backup b
         where b.tenant_id = k.tenant_id",
    )
    .execute(&mut sql)
    .await
    .unwrap();

    // Without the list the backup would bring it back: what is tested is the list.
    let careless = test
        .bench
        .db("identity")
        .with_keys(ring(&test.bench, Destroyed::unlisted()));
    let keys = careless.keys(acme.id).await.unwrap();
    assert_eq!(keys.open(&place(acme.id), &sealed).unwrap().as_slice(), b"x");
    let restarted = Destroyed::open(&files.path().join("destroyed")).unwrap();
    let careful = test.bench.db("identity").with_keys(ring(&test.bench, restarted));
    assert_eq!(careful.keys(acme.id).await.err(), Some(KeyError::Destroyed));
}

#[tokio::test]
async fn who_does_not_keep_the_tenant_ends_nothing() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    for role in [Role::Admin, Role::SystemAdministrator, Role::Auditor] {
        let client = test.client.caller(&acme.caller(role));
        let seen = client.get(PATH).await.expect(200);
        end(&client, "", Some(seen.header("ETag")), "acme").await.expect(403);
    }
}
