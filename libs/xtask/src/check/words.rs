//! Phrases that no committed text may contain: `libs/xtask/words.txt`.

use super::{Finding, Source};

const LIST: &str = include_str!("../../words.txt");

/// The list itself, and files that programs write.
const EXEMPT: [&str; 4] = [
    "libs/xtask/words.txt",
    "libs/xtask/src/check/words.rs",
    "Cargo.lock",
    "package-lock.json",
];

pub fn forbidden(sources: &[Source]) -> Vec<Finding> {
    let phrases: Vec<&str> = LIST
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let judged = sources
        .iter()
        .filter(|source| !EXEMPT.iter().any(|exempt| source.path.ends_with(exempt)));
    judged
        .flat_map(|source| {
            source.text.lines().enumerate().flat_map(|(index, line)| {
                let said = phrases.iter().filter(|phrase| says(line, phrase));
                said.map(|phrase| {
                    source.finding(index + 1, "words", format!("finish it or say it otherwise: `{phrase}`"))
                })
                .collect::<Vec<_>>()
            })
        })
        .collect()
}

/// Whether the phrase stands in the line, not as a part of a longer word.
fn says(line: &str, phrase: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (
            line.get(..at).unwrap_or_default(),
            line.get(at + phrase.len()..).unwrap_or_default(),
        );
        let open = |edge: Option<char>, inner: Option<char>| !(edge.is_some_and(word) && inner.is_some_and(word));
        open(before.chars().last(), phrase.chars().next()) && open(after.chars().next(), phrase.chars().last())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_found() {
        let text = "// TODO: later\nlet todo = METODO;\nmktemp XXXXXX\ncd /home/me\n";
        let found = forbidden(&[Source::new("libs/a/src/a.rs", text)]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 4]);
    }
}
