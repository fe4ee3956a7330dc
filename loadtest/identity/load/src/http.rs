//! As much HTTP/1.1 as a load generator needs: whole requests out, status and length of the answer in.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection that is made again whenever the other side has closed it.
pub struct Client {
    to: String,
    open: Option<BufReader<TcpStream>>,
}

/// What is of interest in an answer; all of it is read.
pub struct Answer {
    pub status: u16,
}

impl Client {
    pub fn new(to: &str) -> Self {
        Self {
            to: to.to_owned(),
            open: None,
        }
    }

    /// Sends a whole request. One that finds the connection closed is sent once more on a new one.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let reused = self.open.is_some();
        match self.once(request) {
            Err(_) if reused => {
                self.open = None;
                self.once(request)
            }
            other => other,
        }
    }

    fn once(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut reader = if let Some(reader) = self.open.take() {
            reader
        } else {
            let stream = TcpStream::connect(&self.to)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            BufReader::new(stream)
        };
        reader.get_mut().write_all(request)?;
        let (answer, keep) = read(&mut reader)?;
        self.open = keep.then_some(reader);
        Ok(answer)
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> io::Result<(Answer, bool)> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.get(9..12).and_then(|text| text.parse().ok());
    let status = status.ok_or_else(|| bad("no status"))?;
    let mut keep = line.starts_with("HTTP/1.1");
    let (mut length, mut chunked) = (None, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok(),
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => keep = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        chunks(reader)?;
    } else if let Some(length) = length {
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
    } else if status != 204 && status != 304 {
        reader.read_to_end(&mut body)?;
        keep = false;
    }
    Ok((Answer { status }, keep))
}

fn chunks(reader: &mut BufReader<TcpStream>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "no chunk");
        let size = usize::from_str_radix(line.trim(), 16).map_err(bad)?;
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(());
        }
    }
}
