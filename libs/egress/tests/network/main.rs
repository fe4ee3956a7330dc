//! The client against a real network, with addresses, names and servers of its own: a network namespace in which
//! 11.0.0.1 is "public". Product code needs no exception for it, so what is tested is what runs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests end loudly"
)]

mod dns;
mod http;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use egress::{Egress, Error, Limits, TargetError};

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 0, 0, 1));
const INSIDE: &str = "YUNSHU_TEST_INSIDE";
const FLIPS: usize = 10_000;
const AT_ONCE: usize = 32;

/// Addresses of `lo` in the namespace: one that is public by its number, and such as must never be connected to.
const SETUP: &str = "set -e
ip link set lo up
for address in 11.0.0.1 10.0.0.1 192.168.7.7 100.64.0.1 169.254.169.254; do ip addr add $address/32 dev lo; done
ip addr add fd00::1/128 dev lo nodad
mount --bind \"$RESOLVER\" /etc/resolv.conf
exec \"$0\" --exact t50_only_what_is_public_is_connected_to --nocapture";

#[test]
fn t50_only_what_is_public_is_connected_to() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(inside());
    }
    let resolver = std::env::temp_dir().join(format!("yunshu-resolv-{}.conf", std::process::id()));
    std::fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount"]);
    let user = Command::new("id").arg("-u").output().expect("id runs").stdout;
    if user.trim_ascii() != b"0" {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["sh", "-c", SETUP]).arg(std::env::current_exe().unwrap());
    let ran = command.env(INSIDE, "1").env("RESOLVER", &resolver).output();
    drop(std::fs::remove_file(resolver));
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
    assert!(said.contains("all of it was asked"), "{said}");
}

async fn inside() {
    dns::serve();
    let visitors = http::serve_forbidden(&[
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        IpAddr::V4(Ipv4Addr::new(192, 168, 7, 7)),
        IpAddr::V4(Ipv4Addr::new(100, 64, 0, 1)),
        IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        "fd00::1".parse().unwrap(),
    ]);
    http::serve_public(PUBLIC);
    let limits = Limits {
        bytes: 1 << 20,
        total: Duration::from_secs(3),
        silence: Duration::from_millis(500),
        redirects: 3,
        ..Limits::default()
    };
    let egress = Egress::new(limits).unwrap();

    public_addresses_answer(&egress).await;
    closed_addresses_do_not(&egress).await;
    redirects_are_checked(&egress).await;
    answers_are_bounded(&egress).await;
    assert_eq!(visitors(), 0, "somebody came where nobody may");
    flips(&egress).await;
    assert_eq!(visitors(), 0, "a name changed its address between check and use");
    // The counter counts: else its zero would prove nothing.
    drop(std::net::TcpStream::connect("10.0.0.1:80").unwrap());
    let start = Instant::now();
    while visitors() == 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "the counter does not count");
        tokio::task::yield_now().await;
    }
    println!("all of it was asked");
}

async fn ask(egress: &Egress, url: &str) -> Result<String, Error> {
    let body = egress.get(&egress.target(url)?).await?.bytes().await?;
    Ok(String::from_utf8(body).unwrap())
}

async fn public_addresses_answer(egress: &Egress) {
    for url in [
        "http://11.0.0.1/",
        "http://public.test/",
        "http://0xb000001/",
        "http://PUBLIC.test./",
    ] {
        assert_eq!(ask(egress, url).await.as_deref(), Ok("public"), "{url}");
    }
    // One closed address among several spoils nothing: it is left out.
    assert_eq!(ask(egress, "http://both.test/").await.as_deref(), Ok("public"));
}

async fn closed_addresses_do_not(egress: &Egress) {
    for name in [
        "private",
        "loopback",
        "metadata",
        "shared",
        "mapped",
        "loopback6",
        "unique-local",
        "nowhere",
    ] {
        let url = format!("http://{name}.test/");
        assert_eq!(ask(egress, &url).await, Err(Error::Unreachable), "{url}");
    }
    assert_eq!(ask(egress, "http://localhost/").await, Err(Error::Unreachable));
    assert_eq!(
        ask(egress, "https://11.0.0.1/").await,
        Err(Error::Unreachable),
        "a closed port reads the same"
    );
    assert_eq!(
        ask(egress, "http://127.0.0.1/").await,
        Err(Error::Target(TargetError::Address))
    );
}

async fn redirects_are_checked(egress: &Egress) {
    assert_eq!(ask(egress, "http://11.0.0.1/to-public").await.as_deref(), Ok("public"));
    assert_eq!(
        ask(egress, "http://11.0.0.1/to-private").await,
        Err(Error::Target(TargetError::Address))
    );
    assert_eq!(
        ask(egress, "http://11.0.0.1/to-port").await,
        Err(Error::Target(TargetError::Port))
    );
    assert_eq!(
        ask(egress, "http://11.0.0.1/to-file").await,
        Err(Error::Target(TargetError::Scheme))
    );
    assert_eq!(ask(egress, "http://11.0.0.1/to-name").await, Err(Error::Unreachable));
    assert_eq!(ask(egress, "http://11.0.0.1/to-itself").await, Err(Error::Redirects));
}

async fn answers_are_bounded(egress: &Egress) {
    assert_eq!(ask(egress, "http://11.0.0.1/long").await, Err(Error::TooLarge));
    assert_eq!(ask(egress, "http://11.0.0.1/endless").await, Err(Error::TooLarge));
    assert_eq!(ask(egress, "http://11.0.0.1/packed").await, Err(Error::Broken));
    assert_eq!(ask(egress, "http://11.0.0.1/none").await, Err(Error::Status(404)));
    assert_eq!(ask(egress, "http://11.0.0.1/short").await, Err(Error::Broken));
    let start = Instant::now();
    assert_eq!(ask(egress, "http://11.0.0.1/silent").await, Err(Error::TooSlow));
    assert_eq!(ask(egress, "http://11.0.0.1/mute").await, Err(Error::Unreachable));
    assert_eq!(ask(egress, "http://11.0.0.1/drip").await, Err(Error::TooSlow));
    assert!(start.elapsed() < Duration::from_secs(15));
}

/// A name that is public at one question and loopback at the next, always with a time to live of nothing.
async fn flips(egress: &Egress) {
    let target = egress.target("http://flip.test/").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    let (mut public, mut refused) = (0, 0);
    let mut count =
        |ended: Result<bool, tokio::task::JoinError>| if ended.unwrap() { public += 1 } else { refused += 1 };
    for _ in 0..FLIPS {
        if tasks.len() == AT_ONCE
            && let Some(ended) = tasks.join_next().await
        {
            count(ended);
        }
        let (egress, target) = (egress.clone(), target.clone());
        tasks.spawn(async move { egress.get(&target).await.is_ok() });
    }
    while let Some(ended) = tasks.join_next().await {
        count(ended);
    }
    assert_eq!(public + refused, FLIPS);
    assert!(
        public > FLIPS / 10 && refused > FLIPS / 10,
        "it flipped: {public} public, {refused} refused"
    );
}
