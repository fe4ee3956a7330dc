use auth::Role;
use serde_json::{Value, json};
use testkit::Reply;

use crate::testing::{Test, sha256, start, start_with};

const PATH: &str = "/api/v1/system/images";

fn upload(test: &Test, name: &str, bytes: &[u8]) -> Value {
    std::fs::write(test.folder.uploads().join(name), bytes).unwrap();
    json!({"path": name, "sha256": sha256(bytes)})
}

fn files(test: &Test) -> Vec<String> {
    let entries = std::fs::read_dir(test.folder.images()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn pointer(reply: &Reply) -> &str {
    reply.json["errors"][0]["pointer"].as_str().unwrap_or_default()
}

/// The header of a disk of 1 GiB, as `qemu-img create` writes it.
fn disk() -> Vec<u8> {
    let mut bytes = vec![0; 256 * 1024];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"QFI\xfb\0\0\0\x03");
    put(20, &16_u32.to_be_bytes());
    put(24, &(1_u64 << 30).to_be_bytes());
    put(36, &2_u32.to_be_bytes());
    put(40, &(3_u64 << 16).to_be_bytes());
    put(48, &(1_u64 << 16).to_be_bytes());
    put(56, &1_u32.to_be_bytes());
    put(96, &4_u32.to_be_bytes());
    put(100, &112_u32.to_be_bytes());
    bytes
}

#[tokio::test]
async fn a_kernel_with_its_initrd_is_taken_in() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let (kernel, initrd) = (upload(&test, "vmlinuz", b"kernel"), upload(&test, "initrd", b"initrd"));
    let body =
        json!({"name": "tiny", "kind": "kernel", "source": kernel, "initrd": initrd, "cmdline": "console=ttyS0"});
    let made = operator.post(PATH, body).await.expect(201);
    assert_eq!(made.json["file"], json!({"sha256": sha256(b"kernel"), "size": 6}));
    assert_eq!(
        (&made.json["initrd"]["size"], &made.json["min_disk_gib"]),
        (&json!(6), &json!(0))
    );
    let read = operator.get(made.header("location")).await.expect(200);
    assert_eq!(read.json, made.json);
    let mut kept = files(&test);
    kept.sort();
    let mut expected = [sha256(b"kernel"), sha256(b"initrd")];
    expected.sort();
    assert_eq!(kept, expected, "two files and no draft");
}

#[tokio::test]
async fn a_disk_is_taken_in_with_its_size() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let source = upload(&test, "disk.qcow2", &disk());
    let made = operator
        .post(PATH, json!({"name": "plain", "kind": "disk", "source": source}))
        .await
        .expect(201);
    assert_eq!(
        (&made.json["kind"], &made.json["min_disk_gib"]),
        (&json!("disk"), &json!(1))
    );
    assert_eq!(
        (&made.json["initrd"], &made.json["cmdline"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn t55_hostile_disks_are_refused_and_leave_nothing() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    for (name, at, value) in [
        ("backing", 8, 512_u64),
        ("data-file", 72, 1 << 2),
        ("dirty", 72, 1),
        ("huge", 24, 1 << 62),
        ("l1", 40, 1 << 40),
        ("not-a-disk", 0, 0),
    ] {
        let mut bytes = disk();
        bytes[at..at + 8].copy_from_slice(&value.to_be_bytes());
        let source = upload(&test, name, &bytes);
        let refused = operator
            .post(PATH, json!({"name": "bad", "kind": "disk", "source": source}))
            .await
            .expect(400);
        assert_eq!(pointer(&refused), "/source", "{name}: {}", refused.text);
    }
    let mut outside = disk();
    outside[3 << 16..(3 << 16) + 8].copy_from_slice(&(1_u64 << 40).to_be_bytes());
    let source = upload(&test, "l1-entry", &outside);
    operator
        .post(PATH, json!({"name": "bad", "kind": "disk", "source": source}))
        .await
        .expect(400);
    assert_eq!(files(&test), Vec::<String>::new());
    operator.get("/api/v1/images/bad").await.expect(404);
}

#[tokio::test]
async fn t55_a_path_reads_nothing_but_plain_files_below_the_uploads() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let secret = test.folder.as_ref().join("secret");
    std::fs::write(&secret, b"secret").unwrap();
    let uploads = test.folder.uploads();
    std::os::unix::fs::symlink(&secret, uploads.join("link")).unwrap();
    std::os::unix::fs::symlink(test.folder.as_ref(), uploads.join("folder-link")).unwrap();
    std::fs::create_dir(uploads.join("folder")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        uploads.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    for path in [
        "link",
        "folder-link/secret",
        "folder",
        "none",
        "pipe",
        "../secret",
        "/etc/hostname",
        "..",
    ] {
        let source = json!({"path": path, "sha256": sha256(b"secret")});
        let refused = operator
            .post(PATH, json!({"name": "bad", "kind": "kernel", "source": source}))
            .await
            .expect(400);
        assert_eq!(pointer(&refused), "/source/path", "{path}: {}", refused.text);
    }
}

#[tokio::test]
async fn t50_a_url_reaches_nothing_private() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://user:pass@example.org/".to_owned(),
    ] {
        let body = json!({"name": "bad", "kind": "kernel", "source": {"url": url, "sha256": sha256(b"x")}});
        let refused = operator.post(PATH, body).await.expect(400);
        assert_eq!(pointer(&refused), "/source/url", "{url}");
    }
    let body = json!({"name": "bad", "kind": "kernel", "source": {"url": "http://localhost/", "sha256": sha256(b"x")}});
    assert_eq!(operator.post(PATH, body).await.expect(409).code(), "conflict");
    assert!(listener.accept().is_err(), "nothing came");
}

#[tokio::test]
async fn a_digest_must_match_and_sizes_are_bounded() {
    let test = start_with(|mut settings| {
        settings.kernel_mib = 1;
        settings
    })
    .await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let mut source = upload(&test, "vmlinuz", b"kernel");
    source["sha256"] = json!(sha256(b"other"));
    let refused = operator
        .post(PATH, json!({"name": "a", "kind": "kernel", "source": source}))
        .await
        .expect(400);
    assert_eq!(pointer(&refused), "/source/sha256");
    assert!(
        refused.text.contains(&sha256(b"kernel")),
        "says what it is: {}",
        refused.text
    );
    let source = upload(&test, "large", &vec![1; (1 << 20) + 1]);
    let refused = operator
        .post(PATH, json!({"name": "a", "kind": "kernel", "source": source}))
        .await
        .expect(400);
    assert!(refused.text.contains("larger than 1 MiB"), "{}", refused.text);
    let source = upload(&test, "empty", b"");
    operator
        .post(PATH, json!({"name": "a", "kind": "kernel", "source": source}))
        .await
        .expect(400);
    assert_eq!(files(&test), Vec::<String>::new());
}

#[tokio::test]
async fn names_are_given_once_and_equal_files_kept_once() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let source = upload(&test, "vmlinuz", b"kernel");
    let body = |name: &str| json!({"name": name, "kind": "kernel", "source": source});
    operator.post(PATH, body("one")).await.expect(201);
    assert_eq!(
        operator.post(PATH, body("one")).await.expect(409).code(),
        "already_exists"
    );
    operator.post(PATH, body("two")).await.expect(201);
    assert_eq!(files(&test).len(), 1);
}

#[tokio::test]
async fn a_dry_run_checks_all_and_keeps_nothing() {
    let test = start().await;
    let operator = test.operator(&test.bench.tenant("ops").await);
    let body = json!({"name": "tiny", "kind": "kernel", "source": upload(&test, "vmlinuz", b"kernel")});
    let would = operator.post(&format!("{PATH}?dry_run=true"), body).await.expect(200);
    assert_eq!(would.json["file"]["size"], 6);
    assert_eq!(files(&test), Vec::<String>::new());
    operator.get("/api/v1/images/tiny").await.expect(404);
}

#[tokio::test]
async fn what_is_wrong_is_named_and_an_owner_may_not() {
    let test = start().await;
    let tenant = test.bench.tenant("ops").await;
    let operator = test.operator(&tenant);
    let good = json!({"path": "a", "sha256": sha256(b"x")});
    for (body, at) in [
        (json!({"name": "A", "kind": "kernel", "source": good}), "/name"),
        (json!({"name": "a", "kind": "floppy", "source": good}), "/kind"),
        (
            json!({"name": "a", "kind": "kernel", "source": {"sha256": sha256(b"x")}}),
            "/source",
        ),
        (
            json!({"name": "a", "kind": "kernel", "source": {"path": "a", "sha256": "AB"}}),
            "/source/sha256",
        ),
        (
            json!({"name": "a", "kind": "kernel", "source": good, "cmdline": "a\nb"}),
            "/cmdline",
        ),
        (
            json!({"name": "a", "kind": "disk", "source": good, "initrd": good}),
            "/initrd",
        ),
        (
            json!({"name": "a", "kind": "disk", "source": good, "cmdline": ""}),
            "/cmdline",
        ),
    ] {
        let refused = operator.post(PATH, body).await.expect(400);
        assert_eq!(pointer(&refused), at, "{}", refused.text);
    }
    let owner = test.client.caller(&tenant.caller(Role::Owner));
    owner
        .post(PATH, json!({"name": "a", "kind": "kernel", "source": good}))
        .await
        .expect(403);
}
