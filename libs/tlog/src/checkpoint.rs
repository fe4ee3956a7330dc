use std::fmt;
use std::str::FromStr;

use crate::tree::MAX_SIZE;
use crate::{Error, Hash};

/// The state of a log, to be signed as the text of a note (c2sp.org/tlog-checkpoint).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Further lines; one may be `time <seconds since 1970>`.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// One that says when it was made, in seconds since 1970.
    pub fn at(origin: &str, size: u64, root: Hash, time_seconds: u64) -> Self {
        Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions: vec![format!("time {time_seconds}")],
        }
    }

    /// When it was made, if it says so once and properly.
    pub fn time(&self) -> Option<u64> {
        let mut times = self.extensions.iter().filter_map(|line| line.strip_prefix("time "));
        let time = decimal(times.next()?)?;
        times.next().is_none().then_some(time)
    }
}

/// Digits without zeros in front, within what databases keep.
pub fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = text.len() > 1 && text.starts_with('0');
    let number: u64 = if digits && !zeros {
        text.parse().ok()?
    } else {
        return None;
    };
    (number <= MAX_SIZE).then_some(number)
}

impl fmt::Display for Checkpoint {
    /// The text of its note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(Error::Checkpoint("it does not end with a newline"))?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(Error::Checkpoint("it has not three lines"));
        };
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(Error::Checkpoint("it has an empty line"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: decimal(size).ok_or(Error::Checkpoint("its size is no number"))?,
            root: root.parse().map_err(|_| Error::Checkpoint("its root is no hash"))?,
            extensions,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let read: Checkpoint = text.parse().unwrap();
        assert_eq!(
            (read.origin.as_str(), read.size),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!((read.to_string(), read.time()), (text.to_owned(), None));
    }

    #[test]
    fn it_says_when_it_was_made() {
        let made = Checkpoint::at("log.example", 0, Hash::of(b""), 1_700_000_000);
        assert_eq!(made.to_string().parse(), Ok(made.clone()));
        assert_eq!(made.time(), Some(1_700_000_000));
        for lines in [
            vec!["time 01"],
            vec!["time 1", "time 2"],
            vec!["time -1"],
            vec!["other"],
        ] {
            let extensions = lines.into_iter().map(str::to_owned).collect();
            let odd = Checkpoint {
                extensions,
                ..made.clone()
            };
            assert_eq!(odd.time(), None);
        }
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = Hash::of(b"");
        for text in [
            String::new(),
            format!("o\n1\n{root}"),
            "o\n1\n".to_owned(),
            format!("\n1\n{root}\n"),
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n18446744073709551615\n{root}\n"),
            format!("o\n1\n{root}A\n"),
            format!("o\n1\n{root}\n\n"),
        ] {
            assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
        }
    }
}
