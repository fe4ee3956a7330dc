use proptest::prelude::*;

use super::*;

fn size(vcpus: i32, memory_mib: i32, disk_gib: i32) -> Size {
    Size {
        vcpus,
        memory_mib,
        disk_gib,
    }
}

fn host(alias: &str, used: i32) -> HostSnapshot {
    HostSnapshot {
        id: HostId::mint(),
        alias: alias.to_owned(),
        pool: PoolId::from_uuid(ids::uuid::Uuid::nil()),
        policy: Policy::Spread,
        up: true,
        heard: true,
        cap: size(10, 1000, 100),
        used: size(used, 0, 0),
        kin: 0,
    }
}

fn need() -> Need {
    Need {
        size: size(2, 100, 0),
        pool: None,
        policy: None,
    }
}

fn order(hosts: &[HostSnapshot], need: &Need) -> Vec<String> {
    decide(hosts, need)
        .record
        .scores
        .into_iter()
        .map(|scored| scored.host)
        .collect()
}

#[test]
fn spread_takes_the_emptiest_and_pack_the_fullest_that_fits() {
    let hosts = [host("a", 4), host("b", 0), host("c", 8), host("d", 9)];
    assert_eq!(order(&hosts, &need()), ["b", "a", "c"]);
    assert_eq!(
        order(
            &hosts,
            &Need {
                policy: Some(Policy::Pack),
                ..need()
            }
        ),
        ["c", "a", "b"]
    );
}

#[test]
fn a_group_avoids_itself_but_is_not_refused() {
    let hosts = [HostSnapshot { kin: 1, ..host("a", 0) }, host("b", 5)];
    assert_eq!(
        order(&hosts, &need()),
        ["a", "b"],
        "one kin halves a score, an emptier host may still win"
    );
    let hosts = [HostSnapshot { kin: 2, ..host("a", 0) }, host("b", 5)];
    assert_eq!(order(&hosts, &need()), ["b", "a"]);
}

#[test]
fn every_filter_counts_what_it_refuses() {
    let hosts = [
        HostSnapshot {
            up: false,
            ..host("a", 0)
        },
        HostSnapshot {
            heard: false,
            ..host("b", 0)
        },
        HostSnapshot {
            pool: PoolId::mint(),
            ..host("c", 0)
        },
        host("d", 9),
        HostSnapshot {
            used: size(0, 950, 0),
            ..host("e", 0)
        },
        HostSnapshot {
            cap: size(10, 1000, 0),
            ..host("f", 0)
        },
    ];
    let need = Need {
        size: size(2, 100, 1),
        pool: Some(hosts[0].pool),
        policy: None,
    };
    let decision = decide(&hosts, &need);
    assert!(decision.ranked.is_empty());
    let counts: Vec<_> = decision
        .record
        .filters
        .iter()
        .map(|filter| (filter.before, filter.after))
        .collect();
    assert_eq!(counts, [(6, 5), (5, 4), (4, 3), (3, 2), (2, 1), (1, 0)]);
    let reason = decision.record.reason;
    assert!(
        reason.contains("1 lack memory") && reason.contains("1 cannot be heard"),
        "{reason}"
    );
}

#[test]
fn hosts_that_filled_up_meanwhile_are_counted_like_those_that_were_full() {
    let reason = |hosts: &[HostSnapshot]| decide(hosts, &need()).record.crowded_out().reason;
    assert_eq!(
        reason(&[host("a", 0), host("b", 9)]),
        "Of 2 hosts, 1 lack processors, 1 filled up before they could be claimed."
    );
    assert_eq!(
        reason(&[host("a", 0)]),
        "Of 1 hosts, 1 filled up before they could be claimed."
    );
    assert_eq!(reason(&[host("a", 9)]), "Of 1 hosts, 1 lack processors.");
    assert_eq!(reason(&[]), "There is no host yet.");
}

prop_compose! {
    fn any_host()(
        alias in "[a-z]{1,4}", up: bool, heard: bool, pool in 0u128..3, pack: bool, kin in 0u32..3,
        cap in (0i32..20, 0i32..2000, 0i32..200), used in (0i32..25, 0i32..2500, 0i32..250),
    ) -> HostSnapshot {
        HostSnapshot {
            id: HostId::mint(),
            alias,
            pool: PoolId::from_uuid(ids::uuid::Uuid::from_u128(pool)),
            policy: if pack { Policy::Pack } else { Policy::Spread },
            up, heard, kin,
            cap: size(cap.0, cap.1, cap.2),
            used: size(used.0, used.1, used.2),
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_the_rows_does_not_matter(
        (hosts, shuffled) in proptest::collection::vec(any_host(), 0..12)
            .prop_flat_map(|hosts| (Just(hosts.clone()), Just(hosts).prop_shuffle())),
        pool in proptest::option::of(0u128..3),
    ) {
        // Aliases are unique in the database; two hosts of one name would have no order.
        let aliases: std::collections::BTreeSet<_> = hosts.iter().map(|host| &host.alias).collect();
        prop_assume!(aliases.len() == hosts.len());
        let pool = pool.map(|pool| PoolId::from_uuid(ids::uuid::Uuid::from_u128(pool)));
        let need = Need { pool, ..need() };
        prop_assert_eq!(decide(&hosts, &need), decide(&shuffled, &need));
    }

    #[test]
    fn every_ranked_host_has_room_and_no_fitting_host_is_left_out(
        hosts in proptest::collection::vec(any_host(), 0..12),
    ) {
        let need = need();
        let ranked = decide(&hosts, &need).ranked;
        for host in &hosts {
            let fits = host.up && host.heard
                && host.used.vcpus + need.size.vcpus <= host.cap.vcpus
                && host.used.memory_mib + need.size.memory_mib <= host.cap.memory_mib
                && host.used.disk_gib + need.size.disk_gib <= host.cap.disk_gib;
            prop_assert_eq!(ranked.contains(&host.id), fits);
        }
    }

    /// What a tenant reads of a decision holds no id of a host.
    #[test]
    fn the_record_names_aliases_only(hosts in proptest::collection::vec(any_host(), 0..12)) {
        let text = serde_json::to_string(&decide(&hosts, &need()).record).unwrap();
        for host in &hosts {
            prop_assert!(!text.contains(&host.id.to_string()));
        }
    }
}
