/// Where an event stands in the feed: the transaction that wrote it, then its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// The writing transaction (`xid8`).
    pub xact: u64,
    /// The number within the table.
    pub seq: i64,
}

/// The text was no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position: expected `<number>-<number>`")]
pub struct NotAPosition;

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.xact, self.seq)
    }
}

impl std::str::FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let (xact, seq) = text.split_once('-').ok_or(NotAPosition)?;
        let parsed = xact.parse().ok().zip(seq.parse().ok().filter(|seq| *seq >= 0));
        parsed.map(|(xact, seq)| Self { xact, seq }).ok_or(NotAPosition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_back_and_nothing_else_is_one() {
        let here = Position { xact: 7, seq: 3 };
        assert_eq!(here.to_string().parse(), Ok(here));
        for junk in ["", "-", "1", "1--1", "a-b", "99999999999999999999-1"] {
            assert_eq!(junk.parse::<Position>(), Err(NotAPosition), "{junk}");
        }
    }
}
