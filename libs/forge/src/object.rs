/// A JSON object as it is written: members in their order and values as raw text, so that one may be missing, stand
/// twice, or be no JSON at all.
#[derive(Debug, Clone, Default)]
pub struct Object(Vec<(String, String)>);

impl Object {
    /// With a member of this raw value, in its old place if it had one.
    #[must_use]
    pub fn with(&self, name: &str, raw: impl Into<String>) -> Self {
        let mut changed = self.clone();
        match changed.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = raw.into(),
            None => changed.0.push((name.to_owned(), raw.into())),
        }
        changed
    }

    /// With a member of this text.
    #[must_use]
    pub fn with_text(&self, name: &str, text: &str) -> Self {
        self.with(name, format!("\"{text}\""))
    }

    /// With a member once more, before all others or behind them.
    #[must_use]
    pub fn with_another(&self, name: &str, raw: &str, before: bool) -> Self {
        let mut changed = self.clone();
        let at = if before { 0 } else { changed.0.len() };
        changed.0.insert(at, (name.to_owned(), raw.to_owned()));
        changed
    }

    /// Without a member.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.0.retain(|(known, _)| known != name);
        changed
    }

    /// The raw values, in order.
    pub fn values(&self) -> Vec<&str> {
        self.0.iter().map(|(_, value)| value.as_str()).collect()
    }

    /// The raw value of a member.
    pub fn value(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        &found.expect("a member of that name").1
    }

    /// As it is written.
    pub fn text(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
