use tlog::checkpoint::decimal;
use tlog::note::Limits;
use tlog::{Checkpoint, Hash, Note};

/// More lines no consistency proof has.
const MAX_PROOF: usize = 63;
/// The longest name of a log.
const MAX_ORIGIN: usize = 512;
/// The largest body: the largest note, and before it the longest proof.
pub const MAX_BODY: usize = 64 * 1024 + 64 * 45 + 64;

/// What is asked: to cosign a checkpoint that continues the one over `old` entries.
#[derive(Debug)]
pub struct Request {
    /// The size that the witness is thought to know.
    pub old: u64,
    /// From there to the checkpoint.
    pub proof: Vec<Hash>,
    /// The checkpoint as the log signed it, text by text.
    pub whole: String,
    /// The same, read.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

impl Request {
    /// Reads the body of `add-checkpoint`.
    pub fn parse(body: &str) -> Result<Self, &'static str> {
        if body.len() > MAX_BODY {
            return Err("the body is too long");
        }
        let (head, whole) = body
            .split_once("\n\n")
            .ok_or("there is no empty line before the checkpoint")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old.and_then(decimal).ok_or("the first line is not `old` and a size")?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_PROOF {
                return Err("the proof is too long");
            }
            proof.push(line.parse().map_err(|_| "a line of the proof is no hash in base64")?);
        }
        let note = Note::parse(whole, Limits::default()).map_err(|_| "the checkpoint is no signed note")?;
        let checkpoint: Checkpoint = note.text.parse().map_err(|_| "the note is no checkpoint")?;
        if checkpoint.origin.len() > MAX_ORIGIN {
            return Err("the origin is too long");
        }
        if old > checkpoint.size {
            return Err("the old size is larger than the checkpoint's");
        }
        Ok(Self {
            old,
            proof,
            whole: whole.to_owned(),
            note,
            checkpoint,
        })
    }
}

#[cfg(test)]
mod tests {
    use tlog::Signer;

    use super::*;

    #[test]
    fn the_example_of_the_specification_is_read() {
        let body = "old 20852014\n\
                    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
                    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
                    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
                    /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
                    \n\
                    example.com/behind-the-sofa\n\
                    20852163\n\
                    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
                    \n\
                    \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
                    \u{2014} example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";
        let read = Request::parse(body).unwrap();
        assert_eq!(
            (read.old, read.proof.len(), read.checkpoint.size),
            (20_852_014, 4, 20_852_163)
        );
        assert_eq!((read.note.signatures.len(), read.whole.len() < body.len()), (2, true));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let signer = Signer::from_seed("log", &[1; 32]).unwrap();
        let noted = |text: &str| format!("{text}\n{}", signer.sign(text));
        let root = Hash::of(b"");
        let note = noted(&format!("log\n5\n{root}\n"));
        assert!(Request::parse(&format!("old 5\n\n{note}")).is_ok());
        let lines = |count| format!("{root}\n").repeat(count);
        assert!(Request::parse(&format!("old 0\n{}\n{note}", lines(63))).is_ok());
        let long = noted(&format!("{}\n5\n{root}\n", "x".repeat(MAX_ORIGIN + 1)));
        for bad in [
            String::new(),
            note.clone(),
            format!("\n\n{note}"),
            format!("old\n\n{note}"),
            format!("old 05\n\n{note}"),
            format!("old -1\n\n{note}"),
            format!("old 6\n\n{note}"),
            format!("old 18446744073709551616\n\n{note}"),
            format!("old 0\nx\n\n{note}"),
            format!("old 0\n{}\n{note}", lines(64)),
            format!("old 0\n\n{}", note.trim_end()),
            format!("old 0\n\nlog\n5\n{root}\n"),
            format!("old 0\n\n{}", noted("log\n5\n")),
            format!("old 0\n\n{long}"),
            format!("old 0\n\n{}", "x".repeat(MAX_BODY)),
        ] {
            assert!(Request::parse(&bad).is_err(), "{bad:?}");
        }
    }
}
