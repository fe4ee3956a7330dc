use serde::{Deserialize, Serialize};

use crate::Info;

/// What a person must do before their session is good for anything else, by the rules of their tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// Choose another password: the present one has come of age.
    Password,
    /// Add a second factor, or show the one they have.
    Factor,
}

impl Owed {
    /// Is `action` a step towards paying it, or out?
    pub fn allows(self, action: &Info) -> bool {
        let always = ["me.read", "session.delete", "session.challenge", "session.step_up"];
        let pays: &[&str] = match self {
            Self::Password => &["password.modify"],
            Self::Factor => &["factor.list", "factor.create", "factor.modify"],
        };
        always.contains(&action.name) || pays.contains(&action.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ALL;

    #[test]
    fn t14_what_is_owed_leaves_the_way_to_pay_it_and_out() {
        let left = |owed: Owed| -> Vec<&str> {
            let allowed = ALL.iter().filter(|action| owed.allows(action));
            allowed.map(|action| action.name).collect()
        };
        assert_eq!(
            left(Owed::Password),
            [
                "me.read",
                "session.delete",
                "session.challenge",
                "session.step_up",
                "password.modify"
            ]
        );
        assert_eq!(
            left(Owed::Factor),
            [
                "me.read",
                "session.delete",
                "session.challenge",
                "session.step_up",
                "factor.list",
                "factor.create",
                "factor.modify"
            ]
        );
    }
}
