//! Signing in, as a machine that only the server moves.
//!
//! # What it guarantees
//! A sign-in goes one of three ways: the password, then a second factor where the person has one, then tokens; the word of a
//! provider ([`crate::oidc`]) in the password's place; or a passkey, which is both at once because it verifies its holder.
//! Which step comes next
//! is kept by the server ([`challenge`]); what a client sends is an event, and an event that its state does not wait for is
//! refused. So no step can be skipped, repeated or taken in another order, whatever the client sends.
//!
//! # What it refuses
//! [`State::next`] has no other edges than these:
//!
//! | from | event | to |
//! |---|---|---|
//! | nobody | right password | known |
//! | nobody | wrong password | over |
//! | nobody | right passkey | authenticated by passkey |
//! | nobody | wrong passkey | over |
//! | nobody | a provider vouches for them | known |
//! | nobody | a provider vouches for them and for a second factor, and is believed | authenticated by both |
//! | nobody | no provider vouches for them, or not for somebody who may come in | over |
//! | known | has no second factor | authenticated by what was shown |
//! | known | has second factors | due, for five minutes |
//! | known | has none and must have one | enrolling: signed in, for nothing but adding one |
//! | due | right code, or passkey, of a kind they have | authenticated by both |
//! | due | wrong code or passkey | due, at the fifth over |
//! | due | a code is sent, of a kind they have | due, for as long as that code is good |
//! | due, too late | any code or passkey | over |
//!
//! A passkey is shown in answer to a question ([`crate::factor::passkey::ceremony`]), and each question is for one of the two
//! ways: what was asked at the door is no second factor, and what was asked as a second factor opens no door.
//!
//! # What it was born from
//! Systems that let the client say which step it is at: a challenge that any text passed for let sign-in go on without
//! the password (CVE-2023-54391), and a second factor could be switched off without being shown (CVE-2026-59799).

pub mod challenge;

use chrono::{DateTime, TimeDelta, Utc};

use crate::factor::Kind;
use crate::factor::sent::LIVES;

/// How long a second factor may be shown after the password.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(5);
/// Wrong codes after which the password must be shown again.
pub const WRONG_CODES: u8 = 5;

/// By what somebody has proven who they are; the names are those of RFC 8176, as far as it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A password.
    Password,
    /// A passkey alone, which verified its holder.
    Passkey,
    /// A second factor.
    Factor(Kind),
    /// The word of an identity provider.
    Provider,
    /// The word of an identity provider that a second factor was shown there.
    ProviderFactor,
}

impl Method {
    /// As it is kept with the session.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Passkey | Self::Factor(Kind::Webauthn) => "pop",
            Self::Factor(Kind::Totp) => "otp",
            Self::Factor(Kind::Recovery) => "recovery",
            Self::Provider => "oidc",
            Self::ProviderFactor => "mfa",
            Self::Factor(Kind::Sms) => "sms",
            Self::Factor(Kind::Email) => "email",
        }
    }

    /// Is it a code that was sent?
    pub fn is_weaker(self) -> bool {
        matches!(self, Self::Factor(kind) if kind.is_weaker())
    }
}

/// Where a sign-in stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing was shown.
    Nobody,
    /// The password, or a provider's word, was right.
    Known(Method),
    /// A second factor is due.
    Due(Due),
    /// All was shown that this person must show.
    Authenticated(Vec<Method>),
    /// All was shown that this person can show, and it is not enough: their session is good for adding a factor alone. What
    /// lifts that is the session's standing, once one is confirmed in it.
    Enrolling(Vec<Method>),
    /// It failed; another begins anew.
    Over,
}

/// A second factor that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What was shown first.
    pub first: Method,
    /// The kinds that the person has.
    pub kinds: Vec<Kind>,
    /// Wrong codes so far.
    pub wrong: u8,
    /// How long.
    pub until: DateTime<Utc>,
}

/// What happens to a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A password was shown.
    Password {
        /// Was it theirs?
        right: bool,
    },
    /// A passkey was shown at the door.
    Passkey {
        /// Was it somebody's, and asked for?
        right: bool,
    },
    /// An identity provider answered.
    Provider {
        /// Does it vouch for somebody who may come in?
        right: bool,
        /// And for a second factor, and is it believed?
        factor: bool,
    },
    /// It was looked up which second factors the person has.
    Found(Vec<Kind>),
    /// It was looked up that the person has no second factor and must have one.
    Lacking,
    /// A code is to be sent to a factor of this kind.
    Sent(Kind),
    /// A code, or a passkey, was shown as a second factor.
    Code {
        /// Of which kind.
        kind: Kind,
        /// Was it theirs, and not used before?
        right: bool,
    },
}

/// The state does not wait for this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sign-in does not wait for this")]
pub struct NotNow;

impl State {
    /// Where `event` leads at `now`.
    pub fn next(self, event: Event, now: DateTime<Utc>) -> Result<Self, NotNow> {
        match (self, event) {
            (Self::Nobody, Event::Password { right: true }) => Ok(Self::Known(Method::Password)),
            (Self::Nobody, Event::Passkey { right: true }) => Ok(Self::Authenticated(vec![Method::Passkey])),
            (Self::Nobody, Event::Provider { right: true, factor }) => Ok(if factor {
                Self::Authenticated(vec![Method::Provider, Method::ProviderFactor])
            } else {
                Self::Known(Method::Provider)
            }),
            (Self::Nobody, Event::Password { .. } | Event::Passkey { .. } | Event::Provider { .. }) => Ok(Self::Over),
            (Self::Known(first), Event::Found(kinds)) if kinds.is_empty() => Ok(Self::Authenticated(vec![first])),
            (Self::Known(first), Event::Lacking) => Ok(Self::Enrolling(vec![first])),
            (Self::Known(first), Event::Found(kinds)) => Ok(Self::Due(Due {
                first,
                kinds,
                wrong: 0,
                until: now + PATIENCE,
            })),
            (Self::Due(due), Event::Code { .. }) if due.until <= now => Ok(Self::Over),
            (Self::Due(due), Event::Code { kind, right }) if due.kinds.contains(&kind) => Ok(due.shown(kind, right)),
            (Self::Due(due), Event::Sent(kind)) if now < due.until && kind.is_weaker() && due.kinds.contains(&kind) => {
                let until = due.until.max(now + LIVES);
                Ok(Self::Due(Due { until, ..due }))
            }
            _ => Err(NotNow),
        }
    }

    /// Does it wait for a code of this kind?
    pub fn awaits(&self, kind: Kind, now: DateTime<Utc>) -> bool {
        matches!(self, Self::Due(due) if now < due.until && due.kinds.contains(&kind))
    }
}

impl Due {
    fn shown(self, kind: Kind, right: bool) -> State {
        if right {
            return State::Authenticated(vec![self.first, Method::Factor(kind)]);
        }
        let wrong = self.wrong.saturating_add(1);
        if wrong >= WRONG_CODES {
            State::Over
        } else {
            State::Due(Self { wrong, ..self })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn due(wrong: u8) -> State {
        waiting(Method::Password, Kind::Totp, wrong)
    }

    fn waiting(first: Method, kind: Kind, wrong: u8) -> State {
        State::Due(Due {
            first,
            kinds: vec![kind],
            wrong,
            until: at(300),
        })
    }

    fn by(methods: &[Method]) -> State {
        State::Authenticated(methods.to_vec())
    }

    const fn code(kind: Kind, right: bool) -> Event {
        Event::Code { kind, right }
    }

    const fn vouched(right: bool, factor: bool) -> Event {
        Event::Provider { right, factor }
    }

    #[test]
    fn t14_each_state_waits_for_its_own_event_alone() {
        let events = [
            Event::Password { right: true },
            Event::Password { right: false },
            Event::Found(vec![]),
            Event::Found(vec![Kind::Totp]),
            code(Kind::Totp, true),
            code(Kind::Totp, false),
            code(Kind::Recovery, true),
            Event::Passkey { right: true },
            Event::Passkey { right: false },
            code(Kind::Webauthn, true),
            code(Kind::Webauthn, false),
            Event::Found(vec![Kind::Webauthn]),
            vouched(true, false),
            vouched(true, true),
            vouched(false, true),
            Event::Lacking,
        ];
        let keyed = |wrong| waiting(Method::Password, Kind::Webauthn, wrong);
        let by_both = |kind| by(&[Method::Password, Method::Factor(kind)]);
        let authenticated = by(&[Method::Password]);
        let by_provider = waiting(Method::Provider, Kind::Totp, 0);
        let enrolling = State::Enrolling(vec![Method::Password]);
        for (state, edges) in [
            (
                State::Nobody,
                vec![
                    (0, State::Known(Method::Password)),
                    (1, State::Over),
                    (7, by(&[Method::Passkey])),
                    (8, State::Over),
                    (12, State::Known(Method::Provider)),
                    (13, by(&[Method::Provider, Method::ProviderFactor])),
                    (14, State::Over),
                ],
            ),
            (
                State::Known(Method::Provider),
                vec![
                    (2, by(&[Method::Provider])),
                    (3, by_provider.clone()),
                    (11, waiting(Method::Provider, Kind::Webauthn, 0)),
                    (15, State::Enrolling(vec![Method::Provider])),
                ],
            ),
            (
                by_provider.clone(),
                vec![
                    (4, by(&[Method::Provider, Method::Factor(Kind::Totp)])),
                    (5, waiting(Method::Provider, Kind::Totp, 1)),
                ],
            ),
            (
                State::Known(Method::Password),
                vec![
                    (2, authenticated.clone()),
                    (3, due(0)),
                    (11, keyed(0)),
                    (15, enrolling.clone()),
                ],
            ),
            (due(0), vec![(4, by_both(Kind::Totp)), (5, due(1))]),
            (keyed(0), vec![(9, by_both(Kind::Webauthn)), (10, keyed(1))]),
            (authenticated, vec![]),
            (enrolling, vec![]),
            (by(&[Method::Passkey]), vec![]),
            (State::Over, vec![]),
        ] {
            for (number, event) in events.iter().enumerate() {
                let edge = edges.iter().find(|(edge, _)| *edge == number);
                let expected = edge.map(|(_, to)| to.clone()).ok_or(NotNow);
                assert_eq!(
                    state.clone().next(event.clone(), at(0)),
                    expected,
                    "{state:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn t14_a_code_is_sent_where_it_can_go_and_moves_nothing_but_the_clock() {
        let texted = |until| {
            State::Due(Due {
                first: Method::Password,
                kinds: vec![Kind::Totp, Kind::Sms],
                wrong: 1,
                until: at(until),
            })
        };
        let sms = Event::Sent(Kind::Sms);
        for (from, to) in [
            (texted(300), Ok(texted(600))),
            (texted(900), Ok(texted(900))),
            (texted(0), Err(NotNow)),
            (due(0), Err(NotNow)),
            (State::Nobody, Err(NotNow)),
            (State::Known(Method::Provider), Err(NotNow)),
            (State::Authenticated(vec![Method::Password]), Err(NotNow)),
            (State::Enrolling(vec![Method::Password]), Err(NotNow)),
            (State::Over, Err(NotNow)),
        ] {
            assert_eq!(from.clone().next(sms.clone(), at(0)), to, "{from:?}");
        }
        for elsewhere in [Kind::Email, Kind::Totp, Kind::Webauthn, Kind::Recovery] {
            assert_eq!(
                texted(300).next(Event::Sent(elsewhere), at(0)),
                Err(NotNow),
                "{elsewhere:?}"
            );
        }
        assert_eq!(texted(300).next(code(Kind::Email, true), at(0)), Err(NotNow));
        let by_both = State::Authenticated(vec![Method::Password, Method::Factor(Kind::Sms)]);
        assert_eq!(texted(300).next(code(Kind::Sms, true), at(0)), Ok(by_both));
    }

    #[test]
    fn the_fifth_wrong_code_and_the_sixth_minute_are_the_end() {
        let mut state = due(0);
        for wrong in 1..WRONG_CODES {
            state = state.next(code(Kind::Totp, false), at(1)).unwrap();
            assert_eq!(state, due(wrong));
        }
        assert_eq!(state.next(code(Kind::Totp, false), at(1)), Ok(State::Over));
        assert!(due(0).awaits(Kind::Totp, at(299)) && !due(0).awaits(Kind::Totp, at(300)));
        assert_eq!(due(0).next(code(Kind::Totp, true), at(300)), Ok(State::Over));
        let texted = State::Due(Due {
            first: Method::Password,
            kinds: vec![Kind::Sms],
            wrong: 0,
            until: at(300),
        });
        assert_eq!(texted.clone().next(Event::Sent(Kind::Sms), at(300)), Err(NotNow));
        let sent = texted.next(Event::Sent(Kind::Sms), at(299)).unwrap();
        assert!(sent.awaits(Kind::Sms, at(898)) && !sent.awaits(Kind::Sms, at(899)));
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Webauthn),
            Just(Kind::Totp),
            Just(Kind::Recovery),
            Just(Kind::Sms),
            Just(Kind::Email)
        ]
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            any::<bool>().prop_map(|right| Event::Password { right }),
            prop::bool::weighted(0.2).prop_map(|right| Event::Passkey { right }),
            (any::<bool>(), prop::bool::weighted(0.2)).prop_map(|(right, factor)| vouched(right, factor)),
            proptest::collection::vec(kind(), 0..3).prop_map(Event::Found),
            (kind(), any::<bool>()).prop_map(|(kind, right)| code(kind, right)),
            kind().prop_map(Event::Sent),
            Just(Event::Lacking),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: who is authenticated has shown the password or brought a provider's word, and a
        /// factor if they have one, there or here; or nothing but a passkey.
        #[test]
        fn t14_nothing_leads_past_a_factor(events in proptest::collection::vec((event(), 0i64..600), 0..40)) {
            let (mut state, mut now) = (State::Nobody, 0);
            let (mut first, mut has, mut shown, mut believed) = (false, None::<Vec<Kind>>, false, false);
            let (mut lacks, mut passkey) = (false, false);
            for (event, later) in events {
                now += later / 10;
                if let Ok(next) = state.clone().next(event.clone(), at(now)) {
                    match event {
                        Event::Password { right } => first |= right,
                        Event::Passkey { right } => passkey |= right,
                        Event::Provider { right, factor } => {
                            first |= right;
                            believed |= right && factor;
                        }
                        Event::Found(kinds) => has = Some(kinds),
                        Event::Lacking => lacks = true,
                        // Only to where the person has been looked up to have something, and it moves nothing but the clock.
                        Event::Sent(kind) => {
                            prop_assert!(kind.is_weaker() && has.as_ref().is_some_and(|has| has.contains(&kind)));
                            prop_assert!(matches!(next, State::Due(_)));
                        }
                        Event::Code { kind, right } => shown |= right && has.as_ref().is_some_and(|has| has.contains(&kind)),
                    }
                    state = next;
                }
                if matches!(state, State::Authenticated(_)) {
                    let found = !lacks && has.as_ref().is_some_and(|has| has.is_empty() || shown);
                    let both = first && (believed || found);
                    prop_assert!(both != passkey, "two ways at once, or none");
                }
                if matches!(state, State::Enrolling(_)) {
                    prop_assert!(first && lacks && !passkey);
                }
            }
        }
    }
}
