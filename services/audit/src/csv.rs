//! Lines of CSV (RFC 4180) that a spreadsheet does not execute.

/// What makes a spreadsheet take a cell for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// One line, every cell quoted. A cell that begins like a formula gets an apostrophe in front.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for cell in cells {
        if !out.is_empty() {
            out.push(',');
        }
        out.push('"');
        if cell.starts_with(FORMULA) {
            out.push('\'');
        }
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        assert_eq!(
            line(["a", "b,c", "say \"hi\"", ""]),
            "\"a\",\"b,c\",\"say \"\"hi\"\"\",\"\"\r\n"
        );
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert!(line([formula]).starts_with("\"'"), "{formula:?}");
        }
    }
}
