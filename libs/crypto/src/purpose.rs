/// What a data key is for. Values of one purpose share a key; the purpose is authenticated with each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// What people and machines prove who they are with.
    Credentials,
    /// What is known of people.
    PersonalData,
    /// What machines print.
    Console,
    /// What the audit log tells.
    Audit,
    /// What is on its way to somebody.
    Outbox,
    /// What sealed values are found by ([`crate::BlindIndex`]). It seals nothing.
    Index,
}

impl Purpose {
    /// All of them. A tenant has a key for each from the first moment.
    pub const ALL: [Self; 6] = [
        Self::Credentials,
        Self::PersonalData,
        Self::Console,
        Self::Audit,
        Self::Outbox,
        Self::Index,
    ];

    /// Its number in ciphertexts; never changes.
    pub const fn number(self) -> u8 {
        match self {
            Self::Credentials => 1,
            Self::PersonalData => 2,
            Self::Console => 3,
            Self::Audit => 4,
            Self::Outbox => 5,
            Self::Index => 6,
        }
    }

    /// Is its first key its last? What was marked by one key is not found by another, and no number of marks wears it out.
    pub const fn is_lasting(self) -> bool {
        matches!(self, Self::Index)
    }

    /// The purpose of this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.number() == number)
    }

    /// Its word in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::PersonalData => "personal_data",
            Self::Console => "console",
            Self::Audit => "audit",
            Self::Outbox => "outbox",
            Self::Index => "index",
        }
    }
}
