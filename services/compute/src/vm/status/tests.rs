use ids::HostId;
use proptest::prelude::*;

use super::*;

fn power() -> impl Strategy<Value = DesiredPower> {
    prop_oneof![
        Just(DesiredPower::Running),
        Just(DesiredPower::Stopped),
        Just(DesiredPower::Absent)
    ]
}

fn observed() -> impl Strategy<Value = ObservedPower> {
    prop_oneof![
        Just(ObservedPower::Running),
        Just(ObservedPower::Stopped),
        Just(ObservedPower::Absent),
        Just(ObservedPower::Unknown),
    ]
}

fn cause() -> impl Strategy<Value = Option<StopCause>> {
    prop_oneof![
        Just(None),
        Just(Some(StopCause::Asked)),
        Just(Some(StopCause::Guest)),
        Just(Some(StopCause::Failed)),
    ]
}

prop_compose! {
    fn intent()(power in power(), generation in 1i64..5, reboots in 0i32..3, given_up: bool) -> Intent {
        Intent { power, generation, reboots, given_up }
    }
}

prop_compose! {
    fn seen()(power in observed(), generation in 0i64..6, reboots in 0i32..3, stop_cause in cause()) -> Seen {
        Seen { power, generation, reboots, stop_cause }
    }
}

fn on(silent_s: Option<f64>) -> Seat {
    let host = Host {
        id: HostId::mint(),
        alias: "host-1".to_owned(),
        simulated: false,
        silent_s,
    };
    Seat {
        epoch: 1,
        claimed: false,
        host: Some(host),
    }
}

proptest! {
    #[test]
    fn a_silent_host_is_never_believed(intent in intent(), seen in proptest::option::of(seen()), late in 31.0f64..1e6) {
        let expected = if intent.power == DesiredPower::Absent { Status::Deleting } else { Status::Unknown };
        prop_assert_eq!(status(&intent, &on(Some(late)), seen.as_ref()), expected);
        prop_assert_eq!(status(&intent, &on(None), seen.as_ref()), expected);
    }

    #[test]
    fn running_is_said_only_of_what_was_seen_running(intent in intent(), seen in seen()) {
        if status(&intent, &on(Some(0.0)), Some(&seen)) == Status::Running {
            prop_assert_eq!(seen.power, ObservedPower::Running);
            prop_assert!(intent.power != DesiredPower::Absent);
        }
    }

    #[test]
    fn an_intent_that_was_reached_has_not_failed(intent in intent(), seen in seen()) {
        if reached(&intent, Some(&seen)) {
            prop_assert_ne!(status(&intent, &on(Some(0.0)), Some(&seen)), Status::Failed);
        }
    }

    #[test]
    fn a_given_up_intent_that_was_not_reached_has_failed(mut intent in intent(), seen in proptest::option::of(seen())) {
        intent.given_up = true;
        prop_assume!(intent.power != DesiredPower::Absent && !reached(&intent, seen.as_ref()));
        prop_assert_eq!(status(&intent, &on(Some(0.0)), seen.as_ref()), Status::Failed);
    }

    #[test]
    fn without_a_host_nothing_seen_matters(intent in intent(), seen in proptest::option::of(seen()), claimed: bool) {
        let seat = Seat { epoch: 3, claimed, host: None };
        let expected = match (intent.power, intent.given_up, claimed) {
            (DesiredPower::Absent, ..) => Status::Deleting,
            (_, true, _) => Status::Failed,
            (_, _, true) => Status::Placing,
            _ => Status::Queued,
        };
        prop_assert_eq!(status(&intent, &seat, seen.as_ref()), expected);
    }

    /// A host that goes on trying comes to an end: once it has carried the intent out, the status rests.
    #[test]
    fn what_was_carried_out_rests(intent in intent()) {
        let power = match intent.power {
            DesiredPower::Running => ObservedPower::Running,
            DesiredPower::Stopped => ObservedPower::Stopped,
            DesiredPower::Absent => ObservedPower::Absent,
        };
        let stop_cause = (power == ObservedPower::Stopped).then_some(StopCause::Asked);
        let seen = Seen { power, generation: intent.generation, reboots: intent.reboots, stop_cause };
        let rest = [Status::Running, Status::Stopped, Status::Deleting];
        prop_assert!(rest.contains(&status(&intent, &on(Some(0.0)), Some(&seen))));
    }
}

#[test]
fn the_ways_a_machine_goes() {
    let want = |power, generation, reboots| Intent {
        power,
        generation,
        reboots,
        given_up: false,
    };
    let saw = |power, generation, reboots| Seen {
        power,
        generation,
        reboots,
        stop_cause: None,
    };
    let live = on(Some(1.0));
    let cases = [
        (want(DesiredPower::Running, 1, 0), None, Status::Building),
        (
            want(DesiredPower::Running, 1, 0),
            Some(saw(ObservedPower::Unknown, 0, 0)),
            Status::Building,
        ),
        (
            want(DesiredPower::Running, 1, 0),
            Some(saw(ObservedPower::Running, 1, 0)),
            Status::Running,
        ),
        (
            want(DesiredPower::Stopped, 2, 0),
            Some(saw(ObservedPower::Running, 1, 0)),
            Status::Stopping,
        ),
        (
            want(DesiredPower::Stopped, 2, 0),
            Some(saw(ObservedPower::Stopped, 2, 0)),
            Status::Stopped,
        ),
        (
            want(DesiredPower::Running, 3, 0),
            Some(saw(ObservedPower::Stopped, 2, 0)),
            Status::Starting,
        ),
        (
            want(DesiredPower::Running, 4, 1),
            Some(saw(ObservedPower::Running, 3, 0)),
            Status::Rebooting,
        ),
        (
            want(DesiredPower::Running, 4, 1),
            Some(saw(ObservedPower::Unknown, 4, 1)),
            Status::Unknown,
        ),
        (
            want(DesiredPower::Absent, 5, 1),
            Some(saw(ObservedPower::Running, 4, 1)),
            Status::Deleting,
        ),
    ];
    for (intent, seen, expected) in cases {
        assert_eq!(status(&intent, &live, seen.as_ref()), expected, "{intent:?} {seen:?}");
    }
}

#[test]
fn a_guest_that_switches_itself_off_stays_off() {
    let intent = Intent {
        power: DesiredPower::Running,
        generation: 1,
        reboots: 0,
        given_up: false,
    };
    let off = |cause| Seen {
        power: ObservedPower::Stopped,
        generation: 1,
        reboots: 0,
        stop_cause: Some(cause),
    };
    assert_eq!(
        status(&intent, &on(Some(0.0)), Some(&off(StopCause::Guest))),
        Status::Stopped
    );
    assert_eq!(
        status(&intent, &on(Some(0.0)), Some(&off(StopCause::Failed))),
        Status::Starting
    );
}

#[test]
fn names_are_those_on_the_wire() {
    for status in Status::ALL {
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
    }
}
