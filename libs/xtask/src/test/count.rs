//! What test runners say about how many of theirs passed.

/// Of one run, or of all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    pub ignored: usize,
}

impl Count {
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }

    /// Sums up the summaries of cargo's, Vitest's and Playwright's output.
    pub fn of(output: &str) -> Self {
        let mut sum = Self::default();
        for line in output.lines() {
            let plain = without_colour(line);
            let words: Vec<&str> = plain
                .split([' ', ';', '|', ','])
                .filter(|word| !word.is_empty())
                .collect();
            let is_summary = matches!(
                words.as_slice(),
                ["test", "result:", ..] | ["Tests", ..] | [_, "passed" | "failed" | "skipped"] | [_, "passed", ..]
            );
            if !is_summary {
                continue;
            }
            let before = |what: &str| {
                let at = words.iter().position(|word| *word == what)?;
                words.get(at.checked_sub(1)?)?.parse::<usize>().ok()
            };
            sum.add(Self {
                passed: before("passed").unwrap_or(0),
                failed: before("failed").unwrap_or(0),
                ignored: before("ignored").or_else(|| before("skipped")).unwrap_or(0),
            });
        }
        sum
    }
}

/// Drops terminal escapes.
fn without_colour(line: &str) -> String {
    let mut plain = String::new();
    let mut parts = line.split('\u{1b}');
    plain.extend(parts.next());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo() {
        let said = "running 2 tests\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                    test result: FAILED. 3 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
        assert_eq!(
            Count::of(said),
            Count {
                passed: 5,
                failed: 4,
                ignored: 1
            }
        );
    }

    #[test]
    fn vitest() {
        let said = "\u{1b}[2m Test Files \u{1b}[22m \u{1b}[1m3 passed\u{1b}[22m (3)\n\u{1b}[2m      Tests \u{1b}[22m 1 failed | 12 passed | 2 skipped (15)\n";
        assert_eq!(
            Count::of(said),
            Count {
                passed: 12,
                failed: 1,
                ignored: 2
            }
        );
    }

    #[test]
    fn playwright() {
        let said =
            "  ok 1 e2e/vm.spec.ts:3:1 \u{203a} a vm has passed (2s)\n  1 failed\n  2 skipped\n  5 passed (10.2s)\n";
        assert_eq!(
            Count::of(said),
            Count {
                passed: 5,
                failed: 1,
                ignored: 2
            }
        );
    }
}
