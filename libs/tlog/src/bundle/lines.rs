use std::io::{BufRead, Read as _};

use super::MAX_LINE;
use super::finding::What;

/// A file line by line, each in the same buffer.
pub struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Of the line that was read last, from 1.
    pub number: u64,
}

impl<R: BufRead> Lines<R> {
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The next line without its newline; none at the end.
    pub fn next(&mut self) -> Result<Option<&str>, What> {
        self.number += 1;
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(MAX_LINE as u64 + 1);
        let read = limited
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| What::Unreadable(error.to_string()))?;
        if read == 0 {
            return Ok(None);
        }
        if read > MAX_LINE {
            return Err(What::TooLong);
        }
        let line = self
            .buffer
            .strip_suffix(b"\n")
            .ok_or(What::Malformed("it is cut off: its newline is missing"))?;
        let line = std::str::from_utf8(line).map_err(|_| What::Malformed("it is not UTF-8"))?;
        Ok(Some(line))
    }
}
