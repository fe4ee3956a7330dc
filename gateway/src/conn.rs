//! One client's connection and its clock.
//!
//! The HTTP layer below times the first request's head and the silence between requests, and nothing else: a client
//! that sends half of its second request, trickles bytes after an answer, or stops reading one, would hold a connection
//! for ever. So the bytes pass through here. [`Conn`] knows from the request handler whether a request is under way, and
//! [`Guarded`] ends what takes too long:
//!
//! - between requests: the next head within `head` of its first byte, and that byte within `idle`;
//! - whenever bytes wait to be written: some progress within `stalled`;
//! - after an answer that closes the connection: what still comes is thrown away for `LINGER`, so that the client reads
//!   the answer before it sees the connection gone, and requests behind the last one are not looked at.
//!
//! On the way out, [`refusal`] replaces what the HTTP layer says by itself.
//!
//! On the way in, [`crate::framing`] cuts off what is out of order. A request's body is timed where it is read
//! ([`crate::body`]).

mod guarded;
mod refusal;

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::time::Instant;

pub use guarded::{Guarded, Limits, Wire};

/// What the handler of a request knows of its connection.
pub struct Conn {
    /// Where it comes from.
    pub address: IpAddr,
    /// Did it come through TLS?
    pub secure: bool,
    /// The SHA-256 of the client's certificate, if it showed one.
    pub certificate: Option<String>,
    phase: Cell<Phase>,
    closing: Cell<bool>,
    broken: Cell<bool>,
    /// The body that went out last ends as a head does.
    like_a_head: Cell<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle(Instant),
    /// A request is under way.
    Busy,
    /// The last answer has gone out.
    Closing(Instant),
}

impl Conn {
    pub fn new(address: IpAddr, secure: bool, certificate: Option<String>) -> Self {
        let phase = Cell::new(Phase::Idle(Instant::now()));
        Self {
            address,
            secure,
            certificate,
            phase,
            closing: Cell::new(false),
            broken: Cell::new(false),
            like_a_head: Cell::new(false),
        }
    }

    /// A request begins; it ends when the guard is dropped. None: the last answer has been given.
    pub fn begin(self: &Rc<Self>) -> Option<Busy> {
        if self.closing.get() {
            return None;
        }
        self.phase.set(Phase::Busy);
        self.like_a_head.set(false);
        Some(Busy(Rc::clone(self)))
    }

    /// The answer to the request under way is the last one.
    pub fn close(&self) {
        self.closing.set(true);
    }

    /// Has the body of the request under way lost its framing?
    pub fn is_broken(&self) -> bool {
        self.broken.get()
    }
}

/// A request is under way.
pub struct Busy(Rc<Conn>);

impl Busy {
    /// A piece of the answer's body goes out. One that ends like a head is never taken for one ([`refusal`]).
    pub fn sent(&self, piece: &[u8]) {
        if let Some(last) = piece.last() {
            self.0.like_a_head.set(*last == b'\n');
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = Instant::now();
        let last = self.0.closing.get() || self.0.broken.get();
        self.0
            .phase
            .set(if last { Phase::Closing(now) } else { Phase::Idle(now) });
    }
}
