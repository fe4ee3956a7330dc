//! Every reconciler: run twice is run once; stopped dead after each point and run again comes to the same end; and what a
//! paused one does after its time is void.

mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_api::{ErrorCode, ObservedError, ObservedPower};
use ids::{EventId, VmId};

use super::{Finisher, GiverUp, Placer, Point, Rounds, Stops, Teller};
use crate::store::{allocations, leases, placements};
use world::{World, seen};

/// Dies the first time it comes to this point. The counter says how often it did.
fn dying_at(at: Point) -> (Stops, Arc<AtomicUsize>) {
    let deaths = Arc::new(AtomicUsize::new(0));
    let count = deaths.clone();
    let stops = Stops::when(move |point| point == at && count.fetch_add(1, Ordering::SeqCst) == 0);
    (stops, deaths)
}

fn placer(world: &World, stops: Stops) -> Placer {
    Placer {
        db: world.db.clone(),
        pace: world.pace.clone(),
        stops,
    }
}

fn finisher(world: &World, stops: Stops) -> Finisher {
    Finisher {
        db: world.db.clone(),
        pace: world.pace.clone(),
        stops,
    }
}

fn giver_up(world: &World, stops: Stops) -> GiverUp {
    GiverUp {
        db: world.db.clone(),
        pace: world.pace.clone(),
        stops,
    }
}

fn teller(world: &World, stops: Stops) -> Teller {
    Teller {
        db: world.db.clone(),
        pace: world.pace.clone(),
        stops,
        holder: EventId::mint(),
    }
}

/// Rounds until there is nothing left to find, as the loop would; a round that dies is followed by the next.
async fn settle(work: &impl Rounds) {
    for _ in 0..20 {
        if matches!(work.round().await, Ok(0)) {
            return;
        }
    }
    panic!("it never settles");
}

/// Two machines of two processors on a host of three: one has a place, one has not.
async fn crowded() -> (World, Vec<VmId>) {
    let world = World::new().await;
    world.host("h1", 3).await;
    let vms = vec![world.vm("a", 2).await, world.vm("b", 2).await];
    (world, vms)
}

#[tokio::test]
async fn placing_twice_is_placing_once() {
    let (world, _) = crowded().await;
    settle(&placer(&world, Stops::default())).await;
    let once = world.books().await;
    assert_eq!((once.placed(), once.queued()), (1, 1));
    settle(&placer(&world, Stops::default())).await;
    assert_eq!(world.books().await, once);
    assert_eq!(
        world.events("vm.updated").await,
        2,
        "one found a place, one was told why not"
    );
}

#[tokio::test]
async fn a_placer_that_dies_anywhere_comes_to_the_same_end() {
    for point in [
        Point::Claimed,
        Point::Decided,
        Point::Seating,
        Point::Placed,
        Point::Refused,
    ] {
        let (world, _) = crowded().await;
        let (stops, deaths) = dying_at(point);
        let dying = placer(&world, stops);
        for _ in 0..4 {
            // What it held is free when its time is over.
            drop(dying.round().await);
            world.books().await;
            world
                .sql("update compute.vms set place_after = now() where claimed")
                .await;
        }
        assert!(deaths.load(Ordering::SeqCst) > 0, "{point:?} was never reached");
        settle(&placer(&world, Stops::default())).await;
        let books = world.books().await;
        assert_eq!((books.placed(), books.queued()), (1, 1), "{point:?}");
    }
}

#[tokio::test]
async fn t37_a_placer_that_slept_past_its_claim_changes_nothing() {
    let world = World::new().await;
    world.host("h1", 8).await;
    world.vm("a", 2).await;
    let slow = placer(&world, Stops::default());
    let mut tx = world.system().await;
    let stale = placements::claim(&mut tx, 10, 0.001).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(stale.len(), 1);

    world.until_due().await;
    settle(&placer(&world, Stops::default())).await;
    let books = world.books().await;
    assert_eq!(books.placed(), 1);
    let mut tx = world.system().await;
    let mut hosts = placements::hosts(&mut tx, None).await.unwrap();
    drop(tx);
    slow.place(&mut hosts, &stale[0]).await.unwrap();
    assert_eq!(world.books().await, books, "no second place, no room lost");
}

#[tokio::test]
async fn a_machine_that_is_unwanted_by_the_time_it_is_seated_takes_no_room() {
    let world = World::new().await;
    world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    let mut tx = world.system().await;
    let claimed = placements::claim(&mut tx, 10, 30.0).await.unwrap();
    tx.commit().await.unwrap();
    world.delete(vm).await;
    let mut tx = world.system().await;
    let mut hosts = placements::hosts(&mut tx, None).await.unwrap();
    drop(tx);
    placer(&world, Stops::default())
        .place(&mut hosts, &claimed[0])
        .await
        .unwrap();
    assert_eq!(world.books().await.placed(), 0);
    settle(&finisher(&world, Stops::default())).await;
    assert!(world.books().await.is_empty());
}

/// An owner who reads a machine without a host and finds, after waiting for its row, that it has one, must not hold on to
/// the row while they reach for the host: the host's report goes the other way.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_intent_during_a_placement_and_a_report_do_not_lock_each_other_out() {
    let world = Arc::new(World::new().await);
    let host = world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    let mut placing = world.system().await;
    let claimed = placements::claim(&mut placing, 10, 30.0).await.unwrap();
    placing.commit().await.unwrap();
    let mut placing = world.system().await;
    assert!(allocations::claim(&mut placing, &claimed[0], host, 60.0).await.unwrap());
    assert!(placements::seat(&mut placing, &claimed[0], host, 60.0).await.unwrap());
    allocations::insert(&mut placing, &claimed[0], host).await.unwrap();

    let mut tasks = tokio::task::JoinSet::new();
    let owner = world.clone();
    tasks.spawn(async move { owner.delete(vm).await });
    world.until_waiting(1).await;
    let reporter = world.clone();
    tasks.spawn(async move {
        reporter
            .report_as_host(host, seen(vm, 1, 1, ObservedPower::Running))
            .await;
    });
    world.until_waiting(2).await;
    placing.commit().await.unwrap();
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(world.books().await.statuses(), ["deleting"]);
}

/// One machine gone from its host, one that never had a host.
async fn leaving() -> World {
    let (world, vms) = crowded().await;
    settle(&placer(&world, Stops::default())).await;
    for vm in vms {
        world.delete(vm).await;
    }
    world.everything_gone().await;
    world
}

#[tokio::test]
async fn finishing_twice_is_finishing_once() {
    let world = leaving().await;
    let (one, other) = (finisher(&world, Stops::default()), finisher(&world, Stops::default()));
    let (a, b) = tokio::join!(one.round(), other.round());
    assert!(a.is_ok() && b.is_ok());
    settle(&one).await;
    assert!(world.books().await.is_empty());
    assert_eq!(world.events("vm.deleted").await, 2, "each end is told once");
}

#[tokio::test]
async fn a_finisher_that_dies_anywhere_comes_to_the_same_end() {
    for point in [Point::Found, Point::Removing, Point::Removed] {
        let world = leaving().await;
        let (stops, deaths) = dying_at(point);
        assert!(finisher(&world, stops).round().await.is_err());
        assert_eq!(deaths.load(Ordering::SeqCst), 1, "{point:?}");
        world.books().await;
        settle(&finisher(&world, Stops::default())).await;
        assert!(world.books().await.is_empty(), "{point:?}");
        assert_eq!(world.events("vm.deleted").await, 2, "{point:?}");
    }
}

#[tokio::test]
async fn a_machine_is_not_gone_because_its_host_is_silent_or_says_less_than_that() {
    let world = World::new().await;
    let host = world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    settle(&placer(&world, Stops::default())).await;
    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    world.delete(vm).await;
    for word in [
        seen(vm, 1, 1, ObservedPower::Absent),
        seen(vm, 0, 2, ObservedPower::Absent),
        seen(vm, 1, 2, ObservedPower::Unknown),
    ] {
        world.report(host, word).await;
        settle(&finisher(&world, Stops::default())).await;
        assert_eq!(world.books().await.placed(), 1);
    }
    world.report(host, seen(vm, 1, 2, ObservedPower::Absent)).await;
    settle(&finisher(&world, Stops::default())).await;
    assert!(world.books().await.is_empty());
}

#[tokio::test]
async fn giving_up_anywhere_and_twice_comes_to_the_same_end() {
    for point in [Point::Overdue, Point::GivenUp] {
        let (world, _) = crowded().await;
        settle(&placer(&world, Stops::default())).await;
        world.sql("update compute.vms set due_at = now()").await;
        let (stops, deaths) = dying_at(point);
        assert!(giver_up(&world, stops).round().await.is_err());
        assert_eq!(deaths.load(Ordering::SeqCst), 1);
        settle(&giver_up(&world, Stops::default())).await;
        let once = world.books().await;
        assert_eq!(once.statuses(), ["failed", "failed"], "{point:?}");
        assert_eq!(world.operations().await, ["failed", "failed"], "{point:?}");
        settle(&giver_up(&world, Stops::default())).await;
        assert_eq!(world.books().await, once);
        world.sql("update compute.vms set place_after = now()").await;
        let tried = placer(&world, Stops::default()).round().await.unwrap();
        assert_eq!(tried, 0, "what was given up is not even tried");
    }
}

#[tokio::test]
async fn what_was_given_up_and_succeeds_after_all_is_running() {
    let world = World::new().await;
    let host = world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    settle(&placer(&world, Stops::default())).await;
    world.sql("update compute.vms set due_at = now()").await;
    settle(&giver_up(&world, Stops::default())).await;
    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    assert_eq!(world.books().await.statuses(), ["running"]);
    assert_eq!(
        world.operations().await,
        ["failed"],
        "what was said of the operation stands"
    );
}

#[tokio::test]
async fn owners_hear_of_silence_and_of_its_end_once_wherever_the_teller_dies() {
    for point in [Point::Leased, Point::Told] {
        let world = World::new().await;
        let host = world.host("h1", 8).await;
        let vm = world.vm("a", 2).await;
        settle(&placer(&world, Stops::default())).await;
        world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
        let before = world.events("vm.updated").await;

        world
            .sql("update compute.hosts set heartbeat_at = now() - interval '1 hour'")
            .await;
        let (stops, deaths) = dying_at(point);
        let mut dying = teller(&world, stops);
        assert!(dying.round().await.is_err());
        assert_eq!(deaths.load(Ordering::SeqCst), 1);
        dying.stops = Stops::default();
        settle(&dying).await;
        assert_eq!(world.books().await.statuses(), ["unknown"], "{point:?}");
        world.sql("update compute.hosts set heartbeat_at = now()").await;
        settle(&dying).await;
        assert_eq!(world.books().await.statuses(), ["running"]);
        assert_eq!(world.events("vm.updated").await - before, 2);
    }
}

#[tokio::test]
async fn t37_a_teller_whose_lease_passed_on_says_nothing() {
    let world = World::new().await;
    let host = world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    settle(&placer(&world, Stops::default())).await;
    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    let mut tx = world.system().await;
    let old = leases::take(&mut tx, "compute.tell", EventId::mint(), 3600.0)
        .await
        .unwrap()
        .unwrap();
    let other = EventId::mint();
    assert_eq!(
        leases::take(&mut tx, "compute.tell", other, 3600.0).await.unwrap(),
        None,
        "it is held"
    );
    tx.commit().await.unwrap();

    world
        .sql("update compute.leases set expires_at = now() - interval '1 second'")
        .await;
    let mut tx = world.system().await;
    let new = leases::take(&mut tx, "compute.tell", other, 3600.0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(new.epoch, old.epoch + 1);
    tx.commit().await.unwrap();
    world
        .sql("update compute.hosts set heartbeat_at = now() - interval '1 hour'")
        .await;
    let slow = teller(&world, Stops::default());
    assert!(!slow.tell(&old, world.tenant.id, vm).await.unwrap(), "the old epoch");
    assert!(slow.tell(&new, world.tenant.id, vm).await.unwrap(), "the new one");
}

#[tokio::test]
async fn a_report_that_is_repeated_late_or_anothers_changes_nothing() {
    let world = World::new().await;
    let (host, other) = (world.host("h1", 8).await, world.host("h2", 0).await);
    let vm = world.vm("a", 2).await;
    settle(&placer(&world, Stops::default())).await;
    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    let (books, events) = (world.books().await, world.events("vm.updated").await);

    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    world.report(host, seen(vm, 0, 1, ObservedPower::Absent)).await;
    let elsewhere = world.report(other, seen(vm, 1, 1, ObservedPower::Stopped)).await;
    assert!(
        elsewhere.remove.is_empty(),
        "the present placement's own epoch is never removed"
    );
    assert_eq!(world.books().await, books);
    assert_eq!(world.events("vm.updated").await, events);
    let leftover = world.report(other, seen(vm, 0, 1, ObservedPower::Running)).await;
    assert_eq!(
        (leftover.remove[0].vm_id, leftover.remove[0].up_to.0),
        (vm, 0),
        "an older placement's domain goes"
    );
}

#[tokio::test]
async fn a_domain_goes_if_its_machine_was_removed_on_purpose_and_stays_if_nothing_is_known() {
    let world = leaving().await;
    let host = world.hosts().await[0];
    settle(&finisher(&world, Stops::default())).await;
    let removed = world.graves().await[0];
    let answer = world.report(host, seen(removed, 1, 1, ObservedPower::Running)).await;
    assert_eq!(answer.remove[0].vm_id, removed);
    let stranger = world
        .report(host, seen(VmId::mint(), 1, 1, ObservedPower::Running))
        .await;
    assert!(stranger.remove.is_empty() && stranger.console.is_empty());
}

#[tokio::test]
async fn trouble_that_may_pass_is_shown_and_leaves_with_the_trouble() {
    let world = World::new().await;
    let host = world.host("h1", 8).await;
    let vm = world.vm("a", 2).await;
    settle(&placer(&world, Stops::default())).await;
    let mut trouble = seen(vm, 1, 0, ObservedPower::Absent);
    trouble.error = Some(ObservedError::new(ErrorCode::StartFailed, "/etc/secret"));
    world.report(host, trouble).await;
    let books = world.books().await;
    assert_eq!(
        (books.statuses(), books.errors()),
        (vec!["building".to_owned()], vec!["start_failed".to_owned()])
    );
    assert_eq!(world.operations().await, ["running"]);
    world.report(host, seen(vm, 1, 1, ObservedPower::Running)).await;
    assert!(world.books().await.errors().is_empty());
    assert_eq!(world.operations().await, ["succeeded"]);
}

#[tokio::test]
async fn room_that_comes_free_is_used_at_once_and_not_after_the_backoff() {
    let (world, vms) = crowded().await;
    settle(&placer(&world, Stops::default())).await;
    world
        .sql("update compute.vms set place_after = now() + interval '1 hour' where host_id is null")
        .await;
    let placed = world.books().await.placed_vm();
    world.delete(placed).await;
    world.everything_gone().await;
    settle(&finisher(&world, Stops::default())).await;
    settle(&placer(&world, Stops::default())).await;
    let left = vms.into_iter().find(|vm| *vm != placed).unwrap();
    assert_eq!(world.books().await.placed_vm(), left);
}

/// Sixteen workers make, place, delete and finish machines in whatever order chance has it, on hosts too small for them
/// all, and die now and then. At every moment the books agree; at the end nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn t45_sixteen_workers_in_any_order_leave_the_books_right_and_nothing_behind() {
    let world = Arc::new(World::new().await);
    for (alias, vcpus) in [("h1", 3), ("h2", 5), ("h3", 4)] {
        world.host(alias, vcpus).await;
    }
    let deaths = Arc::new(AtomicUsize::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..16_u64 {
        workers.spawn(work_hard(world.clone(), worker, deaths.clone()));
    }
    while !workers.is_empty() {
        tokio::select! {
            Some(done) = workers.join_next() => done.unwrap(),
            _ = world.books() => {}
        }
    }
    assert!(deaths.load(Ordering::SeqCst) > 0, "nobody died");
    world
        .sql("update compute.vms set place_after = now() where claimed")
        .await;
    for vm in world.all_vms().await {
        world.delete(vm).await;
    }
    world.everything_gone().await;
    settle(&finisher(&world, Stops::default())).await;
    assert!(world.books().await.is_empty());
    assert_eq!(world.room_in_use().await, 0);
}

/// The work of one of them, by its own seed.
async fn work_hard(world: Arc<World>, seed: u64, deaths: Arc<AtomicUsize>) {
    // Knuth's multiplier; good enough to be different and the same again.
    let mut dice = seed.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
    let stops = Stops::when(move |_| deaths.fetch_add(1, Ordering::SeqCst) % 41 == 40);
    let (placing, finishing) = (placer(&world, stops.clone()), finisher(&world, stops));
    for turn in 0..25 {
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let vcpus = i32::try_from(dice >> 33 & 1).unwrap() + 1;
        match dice >> 40 & 7 {
            0 | 1 => drop(world.try_vm(&format!("vm-{seed}-{turn}"), vcpus).await),
            // A round that dies leaves its claims; others take them when their time is over.
            2..=4 => drop(placing.round().await),
            5 => drop(finishing.round().await),
            6 => world.everything_gone().await,
            _ => {
                if let Some(vm) = world.all_vms().await.first() {
                    world.try_delete(*vm).await;
                }
            }
        }
    }
}
