//! What is looked for, in every spelling that somebody may have written it down in.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use crate::secrets;

/// Shorter ones would be found by chance, in a few hundred megabytes of anything.
const SHORTEST: usize = 6;

/// Something that is said once in the world.
pub struct Canary {
    pub what: &'static str,
    /// Where it may be found: parts of files' names.
    pub may: &'static [&'static str],
    bytes: Vec<u8>,
}

#[derive(Default)]
pub struct Canaries(Vec<Canary>);

/// A word that nobody else has: letters and digits alone, so that no notation but one of bytes changes it.
pub fn word() -> Result<String> {
    let letters = secrets::random::<16>()?;
    let letters = letters
        .iter()
        .filter_map(|byte| b"abcdefghjkmnpqrstuvwxyz23456789z".get(usize::from(byte & 31)));
    Ok(format!(
        "c{}",
        letters.map(|letter| char::from(*letter)).collect::<String>()
    ))
}

impl Canaries {
    /// What may be there and nowhere else.
    pub fn hide(&mut self, what: &'static str, text: &str, may: &'static [&'static str]) -> Result<()> {
        self.put(what, text.as_bytes(), may)
    }

    pub fn hide_bytes(&mut self, what: &'static str, bytes: &[u8], may: &'static [&'static str]) -> Result<()> {
        self.put(what, bytes, may)
    }

    /// What is nobody's secret.
    pub fn show(&mut self, what: &'static str, text: &str) -> Result<()> {
        self.put(what, text.as_bytes(), &["/"])
    }

    fn put(&mut self, what: &'static str, bytes: &[u8], may: &'static [&'static str]) -> Result<()> {
        // Lines are what the search reads.
        let longest = bytes
            .split(|byte| matches!(byte, b'\n' | 0))
            .max_by_key(|part| part.len());
        let bytes = longest.unwrap_or_default().to_vec();
        ensure!(bytes.len() >= SHORTEST, "{what} is too short to be looked for");
        self.0.push(Canary { what, may, bytes });
        Ok(())
    }

    /// May it be in that file?
    pub fn may(&self, what: &str, file: &Path) -> bool {
        let (file, ours) = (
            file.to_string_lossy(),
            self.0.iter().filter(|canary| canary.what == what),
        );
        let places = ours.flat_map(|canary| canary.may);
        places.into_iter().any(|part| file.contains(part))
    }

    /// Every spelling, with whose it is.
    pub fn spelled(&self) -> Vec<(Vec<u8>, &Canary)> {
        let each = self.0.iter();
        each.flat_map(|canary| {
            spellings(&canary.bytes)
                .into_iter()
                .map(move |spelling| (spelling, canary))
        })
        .collect()
    }

    /// Whose spelling was found.
    pub fn of<'a>(spelled: &[(Vec<u8>, &'a Canary)], found: &[u8]) -> Result<&'a Canary> {
        let known = spelled.iter().find(|(spelling, _)| *spelling == found);
        known
            .map(|(_, canary)| *canary)
            .context("what was found is not what was looked for")
    }
}

/// As it is, in hex of both cases, as bytes in JSON, and in both alphabets of base64 from each of three places.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut all = vec![
        bytes.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        list.join(",").into_bytes(),
    ];
    if let Ok(text) = std::str::from_utf8(bytes) {
        all.push(
            serde_json::Value::from(text)
                .to_string()
                .trim_matches('"')
                .as_bytes()
                .to_vec(),
        );
    }
    for before in 0..3 {
        let padded = [&vec![0; before], bytes].concat();
        // Only digits that nothing before or behind has a part in.
        let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for written in [STANDARD.encode(&padded), URL_SAFE.encode(&padded)] {
            all.extend(written.get(from..to).map(|digits| digits.as_bytes().to_vec()));
        }
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_in_base64_it_begins() {
        let (canary, mut seen) = (b"c\xffanary\xfe1?~7", [0; 2]);
        let spellings = spellings(canary);
        for before in 0..7 {
            for behind in 0..4 {
                let text = [&vec![b'x'; before], &canary[..], &vec![b'y'; behind]].concat();
                for (nth, written) in [STANDARD.encode(&text), URL_SAFE.encode(&text)].iter().enumerate() {
                    let is_in = |spelling: &&Vec<u8>| {
                        written
                            .as_bytes()
                            .windows(spelling.len())
                            .any(|part| part == **spelling)
                    };
                    assert!(
                        spellings.iter().any(|spelling| is_in(&spelling)),
                        "{before} {behind} {written}"
                    );
                    seen[nth] += 1;
                }
            }
        }
        assert_eq!(seen, [28, 28]);
    }

    #[test]
    fn it_is_found_in_hex_in_json_and_as_it_is() {
        let spellings = spellings("pa\"ss\u{fc}".as_bytes());
        for spelling in [
            "pa\"ss\u{fc}",
            "70612273 73c3bc",
            "70612273 73C3BC",
            "pa\\\"ss\u{fc}",
            "112,97,34,115,115,195,188",
        ] {
            let spelling = spelling.replace(' ', "");
            assert!(spellings.contains(&spelling.clone().into_bytes()), "{spelling}");
        }
    }

    #[test]
    fn words_differ_and_are_words() -> Result<()> {
        let (one, other) = (word()?, word()?);
        assert_ne!(one, other);
        assert!(one.len() == 17 && one.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()));
        Ok(())
    }

    #[test]
    fn what_would_be_found_by_chance_is_no_canary() {
        assert!(Canaries::default().hide("a digit", "12345", &[]).is_err());
        assert!(
            Canaries::default()
                .hide_bytes("with a line's end", b"123456\n1234567", &[])
                .is_ok()
        );
    }
}
