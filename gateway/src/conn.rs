//! One client's connection and its clock.
//!
//! The HTTP layer below times the first request's head and the silence between requests, and nothing else: a client
//! that sends half of its second request, trickles bytes after an answer, or stops reading one, would hold a connection
//! for ever. So the bytes pass through here. [`Conn`] knows from the request handler whether a request is under way, and
//! [`Guarded`] ends what takes too long:
//!
//! - between requests: once a byte of the next head is there, the whole head within `head`;
//! - whenever bytes wait to be written: some progress within `stalled`.
//!
//! The body of a request is timed where it is read ([`crate::body`]).

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use crate::door::Place;

/// What the handler of a request knows of its connection.
pub struct Conn {
    /// Where it comes from.
    pub address: IpAddr,
    /// Did it come through TLS?
    pub secure: bool,
    /// The SHA-256 of the client's certificate, if it showed one.
    pub certificate: Option<String>,
    busy: Cell<bool>,
}

impl Conn {
    pub fn new(address: IpAddr, secure: bool, certificate: Option<String>) -> Self {
        Self {
            address,
            secure,
            certificate,
            busy: Cell::new(false),
        }
    }

    /// A request begins; it ends when the guard is dropped.
    pub fn begin(self: &Rc<Self>) -> Busy {
        self.busy.set(true);
        Busy(Rc::clone(self))
    }
}

/// A request is under way.
pub struct Busy(Rc<Conn>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.set(false);
    }
}

/// Either kind of transport.
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that cannot be held open by doing nothing.
pub struct Guarded {
    wire: Wire,
    conn: Rc<Conn>,
    limits: Limits,
    head_since: Option<Instant>,
    stalled_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

/// How long a connection may be in each state.
#[derive(Clone, Copy)]
pub struct Limits {
    pub head: Duration,
    pub stalled: Duration,
}

impl Guarded {
    pub fn new(wire: Wire, conn: Conn, limits: Limits, place: Place) -> Self {
        let conn = Rc::new(conn);
        Self {
            wire,
            conn,
            limits,
            head_since: None,
            stalled_since: None,
            alarm: None,
            _place: place,
        }
    }

    /// The part that handlers see.
    pub fn conn(&self) -> Rc<Conn> {
        Rc::clone(&self.conn)
    }

    /// Fails once a deadline is over; otherwise makes sure that the task wakes when the next one is.
    fn on_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.conn.busy.get() {
            self.head_since = None;
        }
        let head = self.head_since.map(|since| since + self.limits.head);
        let stalled = self.stalled_since.map(|since| since + self.limits.stalled);
        let Some(deadline) = head.into_iter().chain(stalled).min() else {
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

    /// Keeps track of whether the client takes what is written.
    fn wrote<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_pending() {
            self.stalled_since.get_or_insert_with(Instant::now);
            self.on_time(cx)?;
        } else {
            self.stalled_since = None;
        }
        outcome
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.on_time(cx)?;
        let before = buf.filled().len();
        let outcome = match &mut this.wire {
            Wire::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Wire::Tls(io) => Pin::new(io.as_mut()).poll_read(cx, buf),
        };
        ready!(outcome)?;
        if buf.filled().len() > before && !this.conn.busy.get() && this.head_since.is_none() {
            this.head_since = Some(Instant::now());
            this.on_time(cx)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Wire::Tls(io) => Pin::new(io.as_mut()).poll_write(cx, bytes),
        };
        this.wrote(cx, outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(io) => Pin::new(io).poll_flush(cx),
            Wire::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
        };
        this.wrote(cx, outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = match &mut this.wire {
            Wire::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Wire::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
        };
        this.wrote(cx, outcome)
    }
}
