//! A file that needs a table of contents is two files. Tests do not count.

use super::{Finding, Source};

const LONGEST_FUNCTION: usize = 80;

pub fn too_long(sources: &[Source]) -> Vec<Finding> {
    let judged = sources.iter().filter(|source| source.is_rust() && !source.is_test());
    judged
        .flat_map(|source| file(source).into_iter().chain(functions(source)).chain(mod_rs(source)))
        .collect()
}

/// Lines a file may have, by what it is.
fn limit(path: &str) -> usize {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "main.rs" => 40,
        "lib.rs" => 100,
        "routes.rs" => 200,
        _ if path.contains("/api/") => 250,
        _ if path.contains("/store/") || name == "store.rs" => 500,
        _ => 400,
    }
}

fn file(source: &Source) -> Option<Finding> {
    let (lines, most) = (source.code().count(), limit(&source.path));
    (lines > most).then(|| {
        source.finding(
            most,
            "size",
            format!("{lines} lines, {most} are allowed: make two files of it"),
        )
    })
}

/// Relies on rustfmt: a body ends at the first brace that stands as far left as its `fn`.
fn functions(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (number, line) in source.code() {
        let indent = line.len() - line.trim_start().len();
        match open {
            Some((start, at)) if indent == at && line.trim_end() == format!("{:at$}}}", "") => {
                let lines = number - start + 1;
                if lines > LONGEST_FUNCTION {
                    let mend = format!("a function of {lines} lines, {LONGEST_FUNCTION} are allowed: name its parts");
                    found.push(source.finding(start, "size", mend));
                }
                open = None;
            }
            None if begins_function(line) => open = Some((number, indent)),
            // A declaration without a body, or one that fits on its line.
            Some((start, at)) if indent == at && number > start && line.trim_end().ends_with(';') => open = None,
            _ => {}
        }
        if open.is_some_and(|(start, _)| start == number) && line.trim_end().ends_with(['}', ';']) {
            open = None;
        }
    }
    found
}

fn begins_function(line: &str) -> bool {
    const BEFORE: [&str; 6] = ["pub", "async", "const", "unsafe", "extern", "\"C\""];
    let mut words = line
        .split_whitespace()
        .skip_while(|word| BEFORE.contains(word) || word.starts_with("pub("));
    words.next() == Some("fn")
}

fn mod_rs(source: &Source) -> Option<Finding> {
    let is = source.path.ends_with("/mod.rs");
    is.then(|| source.finding(1, "size", "name it after its module: foo.rs beside foo/, never mod.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> String {
        "//\n".repeat(count)
    }

    #[test]
    fn each_kind_of_file_has_its_limit() {
        for (path, most) in [
            ("libs/a/src/main.rs", 40),
            ("libs/a/src/lib.rs", 100),
            ("services/a/src/routes.rs", 200),
            ("services/a/src/api/vms/create.rs", 250),
            ("services/a/src/store/vms.rs", 500),
            ("services/a/src/vm.rs", 400),
        ] {
            assert_eq!(too_long(&[Source::new(path, &lines(most))]), [], "{path}");
            assert_eq!(too_long(&[Source::new(path, &lines(most + 1))]).len(), 1, "{path}");
        }
    }

    #[test]
    fn tests_do_not_count() {
        let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(40), lines(500));
        assert_eq!(too_long(&[Source::new("libs/a/src/main.rs", &with_tests)]), []);
        assert_eq!(too_long(&[Source::new("libs/a/tests/flows/main.rs", &lines(900))]), []);
    }

    #[test]
    fn long_functions_are_found_where_they_begin() {
        let body = |count| {
            format!(
                "impl A {{\n    pub async fn f(\n        a: u8,\n    ) -> u8 {{\n{}    }}\n}}\n",
                "        x();\n".repeat(count)
            )
        };
        assert_eq!(too_long(&[Source::new("libs/a/src/a.rs", &body(76))]), []);
        let found = too_long(&[Source::new("libs/a/src/a.rs", &body(77))]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn declarations_do_not_run_into_what_follows() {
        let text = format!(
            "trait A {{\n    fn a();\n    fn b() {{}}\n    fn c(\n        x: u8,\n    );\n}}\n{}",
            lines(90)
        );
        assert_eq!(too_long(&[Source::new("libs/a/src/a.rs", &text)]), []);
    }
}
