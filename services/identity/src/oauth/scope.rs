//! What a client may be let in for: names of actions, as API keys have them, and the words of `OpenID` Connect.

use auth::action::{ALL, userinfo};
use auth::{Action, Info, Level, Permissions};
use fault::FieldError;

/// Who somebody is: their id, by `openid`; what they are called and their address, by the others.
const WORDS: [&str; 3] = ["openid", "profile", "email"];
/// All that the person may do: for our own command line alone.
const EVERYTHING: &str = "all";
/// Asked for by habit; whether a client gets refresh tokens is said by its grants.
const IGNORED: &str = "offline_access";

/// A set of scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// As many as one client may have.
    pub const MOST: usize = 200;

    /// The scopes that a client of a tenant may be let in for.
    pub fn check(names: &[String]) -> Result<Self, FieldError> {
        if !(1..=Self::MOST).contains(&names.len()) {
            return Err(FieldError::new("/scopes", "must have 1 to 200 entries"));
        }
        for (at, name) in names.iter().enumerate() {
            let pointer = format!("/scopes/{at}");
            if WORDS.contains(&name.as_str()) {
                continue;
            }
            let one = Permissions::check(std::slice::from_ref(name))
                .map_err(|error| FieldError::new(&pointer, error.to_string()))?;
            let keeps_out = |action: &&&Info| action.by_name && one.admit(action);
            if let Some(action) = ALL.iter().find(keeps_out) {
                let rule = format!(
                    "would let a program do {}: no program changes what people come in with or may do",
                    action.name
                );
                return Err(FieldError::new(pointer, rule));
            }
        }
        Ok(Self::of(names.to_vec()))
    }

    /// What our own command line may be let in for.
    pub fn everything() -> Self {
        let words = WORDS.map(str::to_owned).into_iter();
        Self::of(words.chain([EVERYTHING.to_owned()]).collect())
    }

    /// What was checked before it was stored.
    pub const fn stored(names: Vec<String>) -> Self {
        Self(names)
    }

    fn of(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Those that a request names, if all are among these; all of these if it names none.
    pub fn asked(&self, text: Option<&str>) -> Option<Self> {
        let names: Vec<&str> = text.unwrap_or_default().split(' ').collect();
        let names: Vec<&str> = names
            .into_iter()
            .filter(|name| !name.is_empty() && *name != IGNORED)
            .collect();
        if names.is_empty() {
            return Some(self.clone());
        }
        let known = names.len() <= Self::MOST && names.iter().all(|name| self.hold(name));
        known.then(|| Self::of(names.into_iter().map(str::to_owned).collect()))
    }

    fn hold(&self, name: &str) -> bool {
        let whole = name.split_once('.').map(|(resource, _)| format!("{resource}.*"));
        // Of what a program may not do, not even the name is had by `*`.
        let plain = |action: &Info| action.name == name && action.level != Level::Platform && !action.by_name;
        self.0.iter().any(|own| own == name)
            || whole.is_some_and(|whole| self.0.contains(&whole)) && ALL.iter().any(|action| plain(action))
    }

    /// Is this word among them?
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|own| own == word)
    }

    /// The only actions they allow; none means all.
    pub fn permissions(&self) -> Option<Permissions> {
        if self.has(EVERYTHING) {
            return None;
        }
        let mut actions: Vec<String> = self.0.iter().filter(|name| name.contains('.')).cloned().collect();
        if self.has("openid") {
            actions.push(userinfo::Read::INFO.name.to_owned());
        }
        Some(Permissions::stored(actions))
    }

    /// The names, sorted.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// As tokens and requests name them (RFC 6749, 3.3).
    pub fn text(&self) -> String {
        self.0.join(" ")
    }

    /// The words that every platform knows, for its description.
    pub const fn words() -> [&'static str; 3] {
        WORDS
    }
}

#[cfg(test)]
mod tests {
    use auth::action::{api_key, me, vm};

    use super::*;

    fn scopes(names: &[&str]) -> Result<Scopes, FieldError> {
        Scopes::check(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_client_is_let_in_for_what_it_has_registered_or_part_of_it() {
        let all = scopes(&["vm.*", "openid", "project.read"]).unwrap();
        assert_eq!(all.asked(None), Some(all.clone()));
        assert_eq!(all.asked(Some("vm.read openid")), scopes(&["openid", "vm.read"]).ok());
        assert_eq!(all.asked(Some("openid offline_access")), scopes(&["openid"]).ok());
        for beyond in ["email", "vm.fly", "project.*", "all", "openid email", "me.read"] {
            assert_eq!(all.asked(Some(beyond)), None, "{beyond}");
        }
    }

    #[test]
    fn they_are_actions_and_openid_tells_who_somebody_is() {
        let some = scopes(&["vm.read", "openid", "email"]).unwrap().permissions().unwrap();
        assert!(some.carry(vm::Read::INFO) && some.carry(userinfo::Read::INFO));
        assert!(!some.carry(me::Read::INFO) && !some.carry(vm::Create::INFO));
        assert_eq!(Scopes::everything().permissions(), None);
    }

    #[test]
    fn t18_no_program_changes_what_people_sign_in_with() {
        for bad in [
            "api_key.create",
            "role_binding.create",
            "user.modify",
            "factor.delete",
            "password.modify",
            "account_key.create",
            "authorization.create",
            "all",
            "host.read",
            "*",
            "openid profile",
            "",
        ] {
            assert!(scopes(&[bad]).is_err(), "{bad}");
        }
        let lists = scopes(&["api_key.*", "session.list"]).unwrap();
        assert!(!lists.permissions().unwrap().admit(api_key::Create::INFO));
        assert_eq!(lists.asked(Some("api_key.create")), None, "nor by its name later");
        assert!(scopes(&[]).is_err());
    }
}
