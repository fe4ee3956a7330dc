use ids::{TenantId, VmId};
use proptest::{prelude::*, strategy::ValueTree as _};

use super::*;
use crate::{BootImage, ImageFile, Sha256};

/// Does one step the way a hypervisor does.
fn carry_out(step: Action, desired: &DesiredVm, actual: Option<Actual>) -> Option<Actual> {
    match (step, actual) {
        (Action::Define, None) => Some(Actual::defined(desired)),
        (Action::Define, Some(_)) => panic!("a second domain"),
        (Action::Remove, _) => None,
        (Action::Start, Some(now)) => {
            assert!(now.stop_cause().is_some(), "started twice");
            Some(Actual {
                power: ActualPower::Running,
                asked: true,
                reboots: now.reboots.max(desired.reboots),
                ..now
            })
        }
        (Action::Stop, Some(now)) => Some(Actual {
            power: ActualPower::OffByGuest,
            asked: true,
            ..now
        }),
        (Action::Resume, Some(now)) => Some(Actual {
            power: ActualPower::Running,
            ..now
        }),
        (Action::Reshape, Some(now)) => {
            assert!(now.stop_cause().is_some(), "reshaped while on");
            Some(Actual {
                shape: desired.shape,
                ..now
            })
        }
        (Action::Record, Some(now)) => Some(now.recorded(desired)),
        (Action::Nothing | Action::Wait | Action::Refuse(_), same) => same,
        (step, None) => panic!("{step:?} without a domain"),
    }
}

/// Steps until nothing is left to do; counts the stops.
fn settle(desired: &DesiredVm, mut actual: Option<Actual>) -> (Option<Actual>, Action, usize) {
    let mut stops = 0;
    for _ in 0..8 {
        let step = action(desired, actual.as_ref());
        if matches!(step, Action::Nothing | Action::Wait | Action::Refuse(_)) {
            return (actual, step, stops);
        }
        stops += usize::from(step == Action::Stop);
        actual = carry_out(step, desired, actual);
    }
    panic!("{desired:?} never settles, last {actual:?}");
}

fn shapes() -> impl Strategy<Value = Shape> {
    (1u32..3, 1u64..3, 0u64..3).prop_map(|(vcpus, gib, disk_gib)| Shape {
        vcpus,
        memory_mib: gib * 1024,
        disk_gib,
    })
}

fn desires() -> impl Strategy<Value = DesiredVm> {
    let power = prop_oneof![
        Just(DesiredPower::Running),
        Just(DesiredPower::Stopped),
        Just(DesiredPower::Absent)
    ];
    (1i64..4, 1i64..4, 0u32..3, power, shapes()).prop_map(|(epoch, generation, reboots, power, shape)| DesiredVm {
        vm_id: VmId::mint(),
        tenant_id: TenantId::mint(),
        name: "vm".to_owned(),
        generation: Generation(generation),
        epoch: PlacementEpoch(epoch),
        power,
        reboots,
        stop_grace_s: 0,
        shape,
        image: BootImage::Disk {
            disk: ImageFile {
                sha256: Sha256::of_digest([0; 32]),
                size: 1,
            },
        },
    })
}

fn actuals() -> impl Strategy<Value = Option<Actual>> {
    let power = prop_oneof![
        Just(ActualPower::Running),
        Just(ActualPower::OffByGuest),
        Just(ActualPower::Off),
        Just(ActualPower::Paused),
        Just(ActualPower::Busy),
    ];
    let one = (1i64..4, 0i64..4, 0u32..3, any::<bool>(), shapes(), power).prop_map(
        |(epoch, generation, reboots, asked, shape, power)| Actual {
            epoch: PlacementEpoch(epoch),
            generation: Generation(generation),
            reboots,
            asked,
            shape,
            power,
        },
    );
    proptest::option::of(one)
}

proptest! {
    /// Whatever is found and whatever is wanted, it ends, and where it ends is what was wanted.
    #[test]
    fn every_start_settles_on_the_intent(desired in desires(), found in actuals()) {
        let (end, last, _) = settle(&desired, found);
        match last {
            Action::Refuse(_) | Action::Wait => prop_assert_eq!(end, found),
            _ if desired.power == DesiredPower::Absent => prop_assert_eq!(end, None),
            _ => {
                let end = end.expect("a domain");
                prop_assert_eq!((end.epoch, end.generation, end.shape), (desired.epoch, desired.generation, desired.shape));
                prop_assert!(end.reboots >= desired.reboots);
                let on = end.power == ActualPower::Running;
                prop_assert_eq!(on, desired.power == DesiredPower::Running && !end.halted());
            }
        }
    }

    /// t37: a set that was overtaken changes nothing, however it is repeated.
    #[test]
    fn an_overtaken_intent_changes_nothing(old in desires(), mut new in desires(), placements in 0i64..3, changes in 1i64..3) {
        new.epoch = PlacementEpoch(old.epoch.0 + placements);
        new.generation = Generation(if placements > 0 { new.generation.0 } else { old.generation.0 + changes });
        if new.power == DesiredPower::Absent {
            new.power = DesiredPower::Stopped;
        }
        let (end, _, _) = settle(&new, None);
        let (after, verdict, _) = settle(&old, end);
        prop_assert!(end.is_some());
        prop_assert_eq!(after, end);
        prop_assert!(matches!(verdict, Action::Refuse(_)), "{:?}", verdict);
    }

    /// A crash after any step and a second run end where one run ends.
    #[test]
    fn a_crash_between_steps_is_invisible(desired in desires(), found in actuals(), steps in 0usize..6) {
        let mut crashed = found;
        for _ in 0..steps {
            crashed = carry_out(action(&desired, crashed.as_ref()), &desired, crashed);
        }
        prop_assert_eq!(settle(&desired, crashed).0, settle(&desired, found).0);
    }

    /// However many reboots are behind, the guest goes down once; and never again for the same count.
    #[test]
    fn a_reboot_happens_once(mut desired in desires(), more in 1u32..5) {
        desired.power = DesiredPower::Running;
        let (up, _, _) = settle(&desired, None);
        desired.reboots += more;
        let (rebooted, _, stops) = settle(&desired, up);
        prop_assert_eq!(stops, 1);
        prop_assert_eq!(settle(&desired, rebooted).2, 0);
    }
}

#[test]
fn a_guest_that_switched_itself_off_stays_off_until_its_intent_changes() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut desired = desires().new_tree(&mut runner).expect("a VM").current();
    desired.power = DesiredPower::Running;
    let up = settle(&desired, None).0.expect("a domain");

    let halted = Actual {
        power: ActualPower::OffByGuest,
        ..up
    };
    assert_eq!(halted.stop_cause(), Some(StopCause::Guest));
    assert_eq!(action(&desired, Some(&halted)), Action::Nothing);

    let failed = Actual {
        power: ActualPower::Off,
        ..up
    };
    assert_eq!(action(&desired, Some(&failed)), Action::Start, "a crash is not a wish");

    desired.generation = Generation(desired.generation.0 + 1);
    assert_eq!(action(&desired, Some(&halted)), Action::Start);
}
