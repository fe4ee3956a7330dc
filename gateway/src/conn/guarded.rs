use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use super::{Conn, Phase, refusal};
use crate::door::Place;
use crate::framing::Framing;

/// How long the last answer has to be read.
const LINGER: Duration = Duration::from_secs(1);

/// Either kind of transport.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_read(cx, buf),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A connection that cannot be held open by doing nothing.
pub struct Guarded {
    wire: Wire,
    conn: Rc<Conn>,
    framing: Framing,
    limits: Limits,
    head_since: Option<Instant>,
    stalled_since: Option<Instant>,
    wrote_at: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    farewell: Option<Farewell>,
    _place: Place,
}

/// The last words, in place of the HTTP layer's.
struct Farewell {
    words: Vec<u8>,
    written: usize,
    hung_up: bool,
}

/// How long a connection may be in each state.
#[derive(Clone, Copy)]
pub struct Limits {
    pub head: Duration,
    pub idle: Duration,
    pub stalled: Duration,
}

impl Guarded {
    pub fn new(wire: Wire, conn: Conn, limits: Limits, place: Place) -> Self {
        let conn = Rc::new(conn);
        Self {
            wire,
            conn,
            framing: Framing::default(),
            limits,
            head_since: None,
            stalled_since: None,
            wrote_at: None,
            alarm: None,
            farewell: None,
            _place: place,
        }
    }

    /// The part that handlers see.
    pub fn conn(&self) -> Rc<Conn> {
        Rc::clone(&self.conn)
    }

    /// Fails once a deadline is over; otherwise makes sure that the task wakes when the next one is.
    fn on_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let phase = match self.conn.phase.get() {
            Phase::Busy => {
                self.head_since = None;
                None
            }
            Phase::Idle(since) => Some(
                self.head_since
                    .map_or(since + self.limits.idle, |since| since + self.limits.head),
            ),
            // Bytes that wait to be written are another matter.
            Phase::Closing(_) if self.stalled_since.is_some() => None,
            Phase::Closing(since) => Some(self.wrote_at.map_or(since, |at| at.max(since)) + LINGER),
        };
        let stalled = self.stalled_since.map(|since| since + self.limits.stalled);
        let Some(deadline) = phase.into_iter().chain(stalled).min() else {
            self.alarm = None;
            return Ok(());
        };
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the client is too slow"));
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        if alarm.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Ok(())
    }

    /// How much of what came may be passed on.
    fn screen(&mut self, came: &mut [u8]) -> io::Result<usize> {
        match self.conn.phase.get() {
            Phase::Closing(_) => return Ok(0),
            Phase::Idle(_) => {
                self.head_since.get_or_insert_with(Instant::now);
            }
            Phase::Busy => {}
        }
        let screened = self.framing.screen(came);
        if screened.broken {
            self.conn.broken.set(true);
            // With a request's head before it, that request will say so.
            if screened.good == 0 && self.conn.phase.get() != Phase::Busy {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the body has lost its framing",
                ));
            }
        }
        Ok(screened.good)
    }

    /// Says the last words and waits, within the deadlines, until the client has hung up too: the layer above drops
    /// the connection right after, and a client that is still sending would lose the answer.
    fn part(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(farewell) = &mut self.farewell {
            let rest = farewell.words.get(farewell.written..).unwrap_or_default();
            if !rest.is_empty() {
                let outcome = self.wire.poll_write(cx, rest);
                if let Poll::Ready(Ok(count @ 1..)) = outcome {
                    farewell.written += count;
                    self.wrote_at = Some(Instant::now());
                }
                match ready!(self.wrote(cx, outcome))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    _ => continue,
                }
            }
            if !farewell.hung_up {
                let outcome = self.wire.poll_shutdown(cx);
                farewell.hung_up = outcome.is_ready();
                ready!(self.wrote(cx, outcome))?;
                continue;
            }
            self.on_time(cx)?;
            let mut room = [0; 4_096];
            let mut waste = ReadBuf::new(&mut room);
            ready!(self.wire.poll_read(cx, &mut waste))?;
            if waste.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps track of whether the client takes what is written.
    fn wrote<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            self.stalled_since.get_or_insert_with(Instant::now);
        } else {
            self.stalled_since = None;
        }
        // Also when all went well: this may have been the end of an answer, and then a new deadline runs.
        self.on_time(cx)?;
        outcome
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.on_time(cx)?;
        let before = buf.filled().len();
        loop {
            ready!(this.wire.poll_read(cx, buf))?;
            let came = buf.filled_mut().get_mut(before..).unwrap_or_default();
            if came.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let good = this.screen(came)?;
            buf.set_filled(before + good);
            if good > 0 {
                this.on_time(cx)?;
                return Poll::Ready(Ok(()));
            }
            // Nothing of it may be passed on, and nothing at all would mean the end.
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let (whole, mut bytes) = (bytes.len(), bytes);
        if this.farewell.is_none()
            && this.conn.phase.get() != Phase::Busy
            && !this.conn.like_a_head.get()
            && let Some((before, status)) = refusal::find(bytes)
        {
            if before == 0 {
                this.conn.closing.set(true);
                this.conn.phase.set(Phase::Closing(Instant::now()));
                this.farewell = Some(Farewell {
                    words: refusal::answer(&this.conn, status),
                    written: 0,
                    hung_up: false,
                });
            }
            bytes = bytes.get(..before).unwrap_or_default();
        }
        if this.farewell.is_some() {
            // Ours is out, so theirs counts as written.
            return this.part(cx).map_ok(|()| whole);
        }
        let outcome = this.wire.poll_write(cx, bytes);
        if matches!(outcome, Poll::Ready(Ok(1..))) {
            this.wrote_at = Some(Instant::now());
        }
        this.wrote(cx, outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.wire.poll_flush(cx);
        this.wrote(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.farewell.is_some() {
            return this.part(cx);
        }
        let outcome = this.wire.poll_shutdown(cx);
        this.wrote(cx, outcome)
    }
}
