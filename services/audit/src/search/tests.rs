use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use auth::Role;
use db::Db;
use ids::TenantId;
use testkit::{Bench, TestTenant};
use tlog::bundle::{Trust, verify};

use super::*;
use crate::filter::Order;
use crate::state::Audit;
use crate::testing::start_paced;
use crate::work::tests::{audit, write_from};

/// An address, and others that have its mark.
async fn twins(audit: &Audit, tenant: TenantId, others: usize) -> (IpAddr, Vec<IpAddr>) {
    let keys = audit.db.keys(tenant).await.unwrap();
    let address = |number: u32| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
    let mark = |ip: &IpAddr| FROM.mark(&keys, ip).unwrap();
    let own = mark(&address(0));
    let same = (1..200_000).map(address).filter(|ip| mark(ip) == own);
    (address(0), same.take(others).collect())
}

/// Every page of a search, one behind the other: the numbers on each.
async fn pages(
    db: &Db,
    tenant: &TestTenant,
    filter: &Filter,
    (order, limit, bounds): (Order, i64, Bounds),
) -> Vec<Vec<i64>> {
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let mut tx = db.read::<audit::List>(&tenant.caller(Role::Auditor)).await.unwrap();
        let granted = tx.tenant().unwrap();
        let stretch = Stretch { order, after, limit };
        let found = find_within(&mut tx, &granted, filter, (stretch, bounds)).await.unwrap();
        pages.push(found.entries.iter().map(|(_, entry)| entry.seq).collect());
        after = found.rest;
        if after.is_none() {
            return pages;
        }
        assert!(pages.len() < 500, "it ends");
    }
}

fn from(ip: IpAddr) -> Filter {
    Filter {
        ip: Some(ip),
        ..Filter::default()
    }
}

#[tokio::test]
async fn of_any_pages_and_bounds_each_entry_from_an_address_comes_once_in_order_and_no_other() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let tenant = bench.tenant("acme").await;
    let (wanted, same) = twins(&audit, tenant.id, 5).await;
    // Bursts of what has the same mark and is from elsewhere.
    let addresses: Vec<IpAddr> = (0..150_usize)
        .map(|at| {
            if at % 7 == 0 || (60..70).contains(&at) {
                wanted
            } else {
                same[at % same.len()]
            }
        })
        .collect();
    for some in addresses.chunks(40) {
        write_from(&audit, tenant.id, some).await;
    }
    let meant = |ip| {
        (1..)
            .zip(&addresses)
            .filter(move |(_, from)| **from == ip)
            .map(|(seq, _)| seq)
    };
    let mut short = 0;
    for (order, limit, most, step) in [
        (Order::OldestFirst, 1, 1, 1),
        (Order::NewestFirst, 3, 2, 2),
        (Order::OldestFirst, 4, 7, 3),
        (Order::NewestFirst, 10, 0, 5),
        (Order::NewestFirst, 7, 40, 9),
        (Order::OldestFirst, 50, 20, 100),
        (Order::NewestFirst, 500, 4_000, 1_000),
    ] {
        for ip in [wanted, same[0]] {
            let pages = pages(&audit.db, &tenant, &from(ip), (order, limit, Bounds { most, step })).await;
            let mut expected: Vec<i64> = meant(ip).collect();
            if order == Order::NewestFirst {
                expected.reverse();
            }
            assert_eq!(pages.concat(), expected, "{order:?} {limit} {most} {step}");
            let full = usize::try_from(limit).unwrap();
            short += pages.iter().rev().skip(1).filter(|page| page.len() < full).count();
            if most == 4_000 {
                assert_eq!(pages.len(), 1, "what is bounded widely is not cut");
            }
        }
    }
    assert!(short > 0, "some bounds were reached");
}

#[tokio::test]
async fn t01_t20_the_mark_of_another_tenant_finds_nothing_and_nothing_is_found_without_the_key() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let (mine, theirs) = (bench.tenant("mine").await, bench.tenant("theirs").await);
    let addresses: Vec<IpAddr> = (0..40)
        .map(|number| Ipv4Addr::new(198, 51, 100, number).into())
        .collect();
    for tenant in [&mine, &theirs] {
        write_from(&audit, tenant.id, &addresses).await;
    }
    let mut sql = bench.superuser().await;
    let mut marks = Vec::new();
    for tenant in [&mine, &theirs] {
        let of: Vec<i16> = sqlx::query_scalar("select ip_index from audit.events where tenant_id = $1 order by seq")
            .bind(tenant.id)
            .fetch_all(&mut sql)
            .await
            .unwrap();
        assert_eq!(of.len(), addresses.len());
        marks.push(of);
    }
    let same = marks[0].iter().zip(&marks[1]).filter(|(one, two)| one == two).count();
    assert!(same < 4, "{same} of 40 marks are the same");
    assert!(marks[0].iter().collect::<BTreeSet<_>>().len() > 35);
    let clear: i64 = sqlx::query_scalar("select count(*) from audit.events where ip is not null")
        .fetch_one(&mut sql)
        .await
        .unwrap();
    assert_eq!(clear, 0, "an address is nowhere in the clear");

    let one = |tenant: &TestTenant| {
        let (db, tenant) = (bench.db("audit"), tenant.id);
        let caller = auth::Caller::newcomer(
            tenant,
            ids::UserId::mint(),
            vec![auth::Binding::role(Role::Auditor, None)],
            None,
            ids::RequestId::mint(),
        );
        async move {
            let mut tx = db.read::<audit::List>(&caller).await.unwrap();
            let granted = tx.tenant().unwrap();
            let stretch = Stretch {
                order: Order::OldestFirst,
                after: None,
                limit: 100,
            };
            let mapped: IpAddr = "::ffff:198.51.100.7".parse().unwrap();
            find(&mut tx, &granted, &from(mapped), stretch).await.unwrap()
        }
    };
    let found = one(&mine).await;
    let seqs: Vec<(i64, TenantId)> = found
        .entries
        .iter()
        .map(|(_, entry)| (entry.seq, entry.tenant))
        .collect();
    assert_eq!(seqs, [(8, mine.id)]);
    // A mark that somebody moved to another row finds nothing there.
    sqlx::query("update audit.events set ip_index = (select ip_index from audit.events where tenant_id = $1 and seq = 8) where tenant_id = $1")
        .bind(mine.id)
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(one(&mine).await.entries.len(), 1);
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            mine.id,
        )
        .await;
    bench.keyring.forget(mine.id);
    assert!(one(&mine).await.entries.is_empty(), "t23");
    assert_eq!(one(&theirs).await.entries.len(), 1);
}

#[tokio::test]
async fn every_kind_of_export_has_what_is_from_an_address_and_nothing_that_only_looks_so() {
    let test = start_paced(1_000, 0).await;
    let worker = audit(&test.bench);
    let tenant = test.bench.tenant("acme").await;
    let (wanted, same) = twins(&worker, tenant.id, 2).await;
    let addresses: Vec<IpAddr> = (0..620_usize)
        .map(|at| if at % 5 == 0 { wanted } else { same[at % 2] })
        .collect();
    write_from(&worker, tenant.id, &addresses).await;
    test.signed(&tenant, 620).await;
    let owner = test.owner(&tenant);
    let path = format!("/api/v1/audit/exports?ip=::ffff:{wanted}&format=");
    for (format, mark) in [
        ("ndjson", "\"vm.create\""),
        ("csv", "\"vm.create\""),
        ("ocsf", "\"vm.create\""),
        ("json", "\"vm.create\""),
    ] {
        let file = owner.get(&format!("{path}{format}")).await.expect(200);
        assert_eq!(file.text.matches(mark).count(), 124, "{format}");
        assert!(
            !same.iter().any(|ip| file.text.contains(&format!("\"{ip}\""))),
            "{format}"
        );
    }
    let array = owner.get(&format!("{path}json")).await.expect(200);
    assert_eq!(array.json.as_array().unwrap().len(), 124);
    let proven = owner.get(&format!("{path}verifiable")).await.expect(200);
    let trust = Trust {
        keys: vec![test.log_key.clone()],
        ..Trust::default()
    };
    let report = verify(proven.text.as_bytes(), &trust).unwrap();
    assert_eq!((report.entries, report.withheld), (124, 0));
}
