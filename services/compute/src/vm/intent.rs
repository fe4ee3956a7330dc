//! How an intent changes.

use super::{Intent, Power};
use crate::operation::Kind;

impl Intent {
    /// The intent after this was asked. 409 where it makes no sense.
    pub fn after(&self, kind: Kind) -> Result<Self, fault::Error> {
        if kind == Kind::Delete {
            return Ok(self.delete());
        }
        if self.power == Power::Absent {
            return Err(fault::Error::conflict("The machine is being deleted."));
        }
        match kind {
            Kind::Reboot if self.power == Power::Stopped => Err(fault::Error::conflict(
                "A machine that should be off cannot be rebooted; start it.",
            )),
            Kind::Reboot => Ok(Self {
                reboots: self.reboots.saturating_add(1),
                ..self.next(Power::Running)
            }),
            Kind::Stop => Ok(self.next(Power::Stopped)),
            Kind::Create | Kind::Start | Kind::Delete => Ok(self.next(Power::Running)),
        }
    }

    /// The intent that it be gone. Asked again it stays as it is: the host need not begin anew.
    #[must_use]
    pub fn delete(&self) -> Self {
        if self.power == Power::Absent {
            *self
        } else {
            self.next(Power::Absent)
        }
    }

    fn next(&self, power: Power) -> Self {
        Self {
            power,
            generation: self.generation + 1,
            reboots: self.reboots,
            given_up: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Intent = Intent {
        power: Power::Running,
        generation: 3,
        reboots: 1,
        given_up: true,
    };

    #[test]
    fn each_change_is_a_new_generation_that_was_not_given_up() {
        for (kind, power, reboots) in [
            (Kind::Start, Power::Running, 1),
            (Kind::Stop, Power::Stopped, 1),
            (Kind::Reboot, Power::Running, 2),
        ] {
            let expected = Intent {
                power,
                generation: 4,
                reboots,
                given_up: false,
            };
            assert_eq!(ON.after(kind).unwrap(), expected, "{kind:?}");
        }
    }

    #[test]
    fn deleting_is_for_good_and_once() {
        let gone = ON.delete();
        assert_eq!((gone.power, gone.generation), (Power::Absent, 4));
        assert_eq!(gone.delete(), gone);
        for kind in [Kind::Start, Kind::Stop, Kind::Reboot] {
            assert_eq!(gone.after(kind).unwrap_err().kind(), fault::Kind::Conflict);
        }
    }

    #[test]
    fn what_should_be_off_is_not_rebooted() {
        let off = ON.after(Kind::Stop).unwrap();
        assert_eq!(off.after(Kind::Reboot).unwrap_err().kind(), fault::Kind::Conflict);
    }
}
