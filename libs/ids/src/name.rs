/// A path or body value that may be an id or a name unique in its parent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum IdOrName<I> {
    /// It had the form of an id.
    Id(I),
    /// Anything else.
    Name(String),
}

impl<I: std::str::FromStr> IdOrName<I> {
    /// Never fails: what is not an id is a name. Names that look like ids are refused where names are made.
    #[must_use]
    pub fn of(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

impl<'de, I: std::str::FromStr> serde::Deserialize<'de> for IdOrName<I> {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(input).map(|text| Self::of(&text))
    }
}

impl<I: std::fmt::Display> std::fmt::Display for IdOrName<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}
