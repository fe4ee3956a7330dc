//! Where one request ends and the next begins (RFC 9112), read strictly and before anybody else reads it.
//!
//! The HTTP parser is lenient in places: it ends lines at a bare LF, for one. A stricter or laxer proxy in front of us
//! would cut the same bytes elsewhere, and what it takes for a body would be a request here. This scanner follows the
//! framing byte by byte and stops at the first one that is out of order:
//!
//! - in a head, the byte becomes a NUL, which the parser refuses: 400, and the connection is closed;
//! - in a chunked body, the bytes before it are passed on and the body is declared broken: the same, in the words of
//!   whoever reads the body.
//!
//! What it lets through is still for the parser to judge: lengths that disagree, unknown codings, bad names.

/// Lines whose meaning matters here are shorter.
const KEPT: usize = 256;
/// What may stand behind a chunk's size.
const MAX_EXTENSION: usize = 256;
/// What may follow the last chunk. It is dropped, so nobody should send much of it.
const MAX_TRAILER: usize = 4_096;

/// How far a piece of the stream is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screened {
    /// So many bytes may be passed on.
    pub good: usize,
    /// The body they belong to has broken off.
    pub broken: bool,
}

/// The scanner.
#[derive(Debug, Default)]
pub struct Framing {
    state: State,
    line: Vec<u8>,
    /// The byte before was a CR.
    cr: bool,
    head: Head,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a request line.
    #[default]
    Start,
    Headers,
    Body(u64),
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind a chunk's size; `named` once a semicolon stood there.
    Extension {
        size: u64,
        length: usize,
        named: bool,
    },
    SizeLf(u64),
    Data(u64),
    DataCr,
    DataLf,
    Trailer(usize),
    /// The parser treats all the rest as one body.
    Opaque,
    /// Nothing more passes.
    Dead,
}

/// What the headers so far say of the body.
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    length: u64,
    chunked: bool,
    opaque: bool,
}

impl Framing {
    /// Follows the next bytes of the stream.
    pub fn screen(&mut self, bytes: &mut [u8]) -> Screened {
        let mut at = 0;
        while let Some(rest) = bytes.len().checked_sub(at).filter(|rest| *rest > 0) {
            match &mut self.state {
                State::Opaque => {
                    return Screened {
                        good: bytes.len(),
                        broken: false,
                    };
                }
                State::Dead => {
                    return Screened {
                        good: at,
                        broken: false,
                    };
                }
                State::Body(left) | State::Data(left) => {
                    let step = usize::try_from(*left).unwrap_or(rest).min(rest);
                    at += step;
                    *left -= u64::try_from(step).unwrap_or(0);
                    match self.state {
                        State::Body(0) => self.state = State::Start,
                        State::Data(0) => self.state = State::DataCr,
                        _ => {}
                    }
                    continue;
                }
                _ => {}
            }
            let Some(byte) = bytes.get_mut(at) else { break };
            let in_head = matches!(self.state, State::Start | State::Headers);
            if self.step(*byte).is_none() {
                self.state = State::Dead;
                if in_head {
                    *byte = 0;
                    at += 1;
                }
                return Screened {
                    good: at,
                    broken: !in_head,
                };
            }
            at += 1;
        }
        Screened {
            good: at,
            broken: false,
        }
    }

    /// None: the byte is out of order.
    fn step(&mut self, byte: u8) -> Option<()> {
        match self.state {
            State::Start | State::Headers => return self.head_byte(byte),
            State::Trailer(length) => return self.trailer_byte(byte, length),
            State::Size { size, digits } => {
                self.state = match (char::from(byte).to_digit(16), byte) {
                    // Sixteen digits are 64 bits.
                    (Some(digit), _) if digits < 16 => State::Size {
                        size: size << 4 | u64::from(digit),
                        digits: digits + 1,
                    },
                    (None, b'\r') if digits > 0 => State::SizeLf(size),
                    (None, b';' | b' ' | b'\t') if digits > 0 => State::Extension {
                        size,
                        length: 0,
                        named: byte == b';',
                    },
                    _ => return None,
                }
            }
            State::Extension { size, length, named } => {
                self.state = match byte {
                    b'\r' => State::SizeLf(size),
                    b';' | b' ' | b'\t' if length < MAX_EXTENSION => State::Extension {
                        size,
                        length: length + 1,
                        named: named || byte == b';',
                    },
                    0x21..=0x7e | 0x80.. if named && length < MAX_EXTENSION => State::Extension {
                        size,
                        length: length + 1,
                        named,
                    },
                    _ => return None,
                }
            }
            State::SizeLf(0) if byte == b'\n' => self.state = State::Trailer(0),
            State::SizeLf(size) if byte == b'\n' => self.state = State::Data(size),
            State::DataCr if byte == b'\r' => self.state = State::DataLf,
            State::DataLf if byte == b'\n' => self.state = State::Size { size: 0, digits: 0 },
            _ => return None,
        }
        Some(())
    }

    fn head_byte(&mut self, byte: u8) -> Option<()> {
        let after_cr = std::mem::replace(&mut self.cr, byte == b'\r');
        match byte {
            b'\n' if after_cr => self.head_line(),
            b'\n' => None,
            _ if after_cr => None,
            b'\r' => Some(()),
            _ => {
                // One more than is kept, so that a longer line is known to be one.
                if self.line.len() <= KEPT {
                    self.line.push(byte);
                }
                Some(())
            }
        }
    }

    fn head_line(&mut self) -> Option<()> {
        let line = std::mem::take(&mut self.line);
        match (self.state, line.as_slice()) {
            // An empty line before a request is tolerated (RFC 9112, 2.2).
            (State::Start, []) => {}
            (State::Start, line) => {
                self.head = Head {
                    opaque: line.starts_with(b"CONNECT "),
                    ..Head::default()
                };
                self.state = State::Headers;
            }
            (_, []) => {
                self.state = match self.head {
                    Head { chunked: true, .. } => State::Size { size: 0, digits: 0 },
                    Head { opaque: true, .. } => State::Opaque,
                    Head { length: 0, .. } => State::Start,
                    Head { length, .. } => State::Body(length),
                }
            }
            // A folded line continues the one above in some readings and not in others.
            (_, [b' ' | b'\t', ..]) => return None,
            (_, line) => self.head_field(line)?,
        }
        Some(())
    }

    fn head_field(&mut self, line: &[u8]) -> Option<()> {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let (length, coding, upgrade) = (is(b"content-length"), is(b"transfer-encoding"), is(b"upgrade"));
        if line.len() > KEPT && (length || coding || upgrade) {
            return None;
        }
        if length {
            self.head.length = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
        }
        self.head.chunked |= coding;
        self.head.opaque |= upgrade && value.eq_ignore_ascii_case(b"websocket");
        Some(())
    }

    fn trailer_byte(&mut self, byte: u8, length: usize) -> Option<()> {
        let after_cr = std::mem::replace(&mut self.cr, byte == b'\r');
        let first = self.line.is_empty();
        match byte {
            b'\n' if after_cr && first => self.state = State::Start,
            b'\n' if after_cr => self.line.clear(),
            b'\n' => return None,
            _ if after_cr => return None,
            b'\r' => {}
            b' ' | b'\t' if first => return None,
            _ if length >= MAX_TRAILER => return None,
            _ => {
                if first {
                    self.line.push(byte);
                }
                self.state = State::Trailer(length + 1);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on, whether the body broke, and the state at the end, in pieces of this size.
    fn screened(text: &str, piece: usize) -> (Vec<u8>, bool, State) {
        let (mut framing, mut passed, mut broken) = (Framing::default(), Vec::new(), false);
        let mut bytes = text.as_bytes().to_vec();
        for piece in bytes.chunks_mut(piece) {
            let outcome = framing.screen(piece);
            passed.extend_from_slice(&piece[..outcome.good]);
            broken |= outcome.broken;
        }
        (passed, broken, framing.state)
    }

    const SIZES: [usize; 5] = [1, 2, 3, 7, 10_000];

    #[test]
    fn t46_what_is_in_order_passes_untouched_however_it_is_cut() {
        for text in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na\nb\n\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\na\nb\n\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\n\r\nA;n=v; m=\"w\"\r\n0123456789\r\n00\r\nX: y\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \t;n\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            for piece in SIZES {
                assert_eq!(
                    screened(text, piece),
                    (text.as_bytes().to_vec(), false, State::Start),
                    "{text:?} {piece}"
                );
            }
        }
    }

    #[test]
    fn t46_a_head_out_of_order_gets_a_byte_that_no_parser_takes() {
        for (text, at) in [
            ("GET / HTTP/1.1\nHost: x\r\n\r\n", 14),
            ("\nGET / HTTP/1.1\r\n\r\n", 0),
            ("GET / HTTP/1.1\r\nHost: x\n\r\n", 23),
            ("GET / HTTP/1.1\r\nHost: x\r\n\n", 25),
            ("GET / HTTP/1.1\r\nX: y\rZ: a\r\n\r\n", 21),
            ("GET / HTTP/1.1\r\nX: y\r\n folded\r\n\r\n", 30),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\nHost: x\r\n\r\n",
                53,
            ),
        ] {
            for piece in SIZES {
                let mut expected = text.as_bytes()[..=at].to_vec();
                expected[at] = 0;
                assert_eq!(
                    screened(text, piece),
                    (expected, false, State::Dead),
                    "{text:?} {piece}"
                );
            }
        }
        let padded = format!(
            "GET / HTTP/1.1\r\nTransfer-Encoding: {}chunked\r\n\r\n",
            " ".repeat(300)
        );
        assert_eq!(screened(&padded, 7).2, State::Dead);
    }

    #[test]
    fn t46_a_body_out_of_order_is_broken_off_before_the_byte() {
        const HEAD: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(300));
        let trailer = format!("0\r\n{}\r\n", "X: y\r\n".repeat(2_000));
        for (body, good) in [
            ("G\r\n", 0),
            ("\r\n", 0),
            ("5\nhello", 1),
            ("5 5\r\nhello", 2),
            ("5\r\nhelloX", 8),
            ("5\r\nhello\n", 8),
            ("5\r\nhello\r\n0\n\n", 11),
            ("0\r\n\n", 3),
            ("0\r\nX: y\n\r\n", 7),
            ("0\r\n folded\r\n\r\n", 3),
            ("10000000000000005\r\n", 16),
            ("5;a=\0", 4),
            (&long, 258),
            (&trailer, 3 + 6 * 1_024),
        ] {
            for piece in SIZES {
                let (passed, broken, state) = screened(&format!("{HEAD}{body}"), piece);
                assert_eq!((broken, state), (true, State::Dead), "{body:.40?} {piece}");
                assert_eq!(passed.len(), HEAD.len() + good, "{body:.40?} {piece}");
            }
        }
    }

    #[test]
    fn what_the_parser_takes_for_one_body_is_left_to_it() {
        for head in [
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\n",
        ] {
            let text = format!("{head}\n\n\0anything");
            assert_eq!(screened(&text, 3), (text.into_bytes(), false, State::Opaque));
        }
    }

    proptest::proptest! {
        #[test]
        fn t46_how_the_bytes_are_cut_makes_no_difference(
            parts in proptest::collection::vec(
                proptest::sample::select(vec![
                    "GET / HTTP/1.1", "POST / HTTP/1.1", "\r\n", "\r\n\r\n", "\n", "\r", ":", ";", " ", "\0", "0", "5", "hello",
                    "Content-Length: 5", "Transfer-Encoding: chunked", "Host: x", "Upgrade: websocket", "X",
                ]),
                0..40,
            ),
            piece in 1..20_usize,
        ) {
            let text = parts.concat();
            let (passed, broken, state) = screened(&text, usize::MAX);
            proptest::prop_assert_eq!(screened(&text, piece), (passed.clone(), broken, state));
            // What passes is what came, but for the one byte that spoils a head.
            let spoilt = usize::from(state == State::Dead && !broken);
            let whole = passed.len() - spoilt;
            proptest::prop_assert_eq!(&passed[..whole], &text.as_bytes()[..whole]);
        }
    }
}
