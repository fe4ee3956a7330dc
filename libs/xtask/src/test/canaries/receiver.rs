//! Somebody whom a webhook tells, and who answers with more than was asked.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;

/// Everything they were told, head and body.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// Listens for as long as this program runs; `answer` is what they say to everything.
    pub fn listen(port: u16, answer: String) -> Result<Self> {
        let (told, door) = (Self::default(), TcpListener::bind(("127.0.0.1", port))?);
        let heard = told.clone();
        std::thread::spawn(move || {
            for guest in door.incoming().flatten() {
                // Who hangs up comes again.
                let _ = heard.hear(&guest, &answer);
            }
        });
        Ok(told)
    }

    fn hear(&self, guest: &TcpStream, answer: &str) -> Result<()> {
        let mut reader = BufReader::new(guest);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
            head.push_str(&line);
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        let mut guest = guest;
        write!(
            guest,
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(head + &body);
        Ok(())
    }

    /// Was this among it?
    pub fn has(&self, text: &str) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().any(|one| one.contains(text))
    }
}
