//! The bodies of requests on their way in: counted, timed and never gathered.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Payload;
use actix_http::body::{BodySize, MessageBody};
use actix_http::header::{self, HeaderMap};
use bytes::Bytes;
use fault::{Error, Kind};
use futures::Stream;
use tokio::time::{Sleep, sleep};

use crate::conn::Conn;

/// Why a body did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the body is longer than {0} bytes")]
    TooLarge(u64),
    #[error("the body took too long")]
    TooSlow,
    #[error("the body broke off")]
    Broken,
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooLarge(limit) => Self::new(
                Kind::TooLarge,
                format!("The body may have {limit} bytes; this one has more."),
            ),
            Trouble::TooSlow => Self::new(Kind::Timeout, "The body took too long to arrive."),
            Trouble::Broken => Self::new(Kind::Malformed, "The body broke off, or its framing is wrong."),
        }
    }
}

/// A request's body. Clones are the same body: a second attempt may use it as long as nothing was taken from it.
#[derive(Clone)]
pub struct Inbound(Rc<RefCell<Flow>>);

struct Flow {
    payload: Payload,
    conn: Option<Rc<Conn>>,
    size: BodySize,
    limit: u64,
    seen: u64,
    allowed: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
    touched: bool,
    trouble: Option<Trouble>,
}

impl Inbound {
    /// The body of a request with these headers. One that says it is too long is refused unread.
    pub fn of(
        headers: &HeaderMap,
        payload: Payload,
        conn: &Rc<Conn>,
        limit: u64,
        allowed: Duration,
    ) -> Result<Self, Trouble> {
        let size = match &payload {
            Payload::None => BodySize::None,
            _ => declared(headers).map_or(BodySize::Stream, BodySize::Sized),
        };
        if matches!(size, BodySize::Sized(length) if length > limit) {
            return Err(Trouble::TooLarge(limit));
        }
        Ok(Self::new(Flow {
            payload,
            conn: Some(Rc::clone(conn)),
            size,
            limit,
            allowed,
            ..Flow::none()
        }))
    }

    /// No body at all.
    pub fn none() -> Self {
        Self::new(Flow::none())
    }

    /// One of our own.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u64;
        Self::new(Flow {
            payload: Payload::from(Bytes::from(bytes)),
            size: BodySize::Sized(length),
            limit: length,
            allowed: Duration::MAX,
            ..Flow::none()
        })
    }

    fn new(flow: Flow) -> Self {
        Self(Rc::new(RefCell::new(flow)))
    }

    /// Is there none?
    pub fn is_none(&self) -> bool {
        matches!(self.0.borrow().size, BodySize::None)
    }

    /// Has nobody taken anything from it yet?
    pub fn is_whole(&self) -> bool {
        !self.0.borrow().touched
    }

    /// Why it did not arrive, once it did not.
    pub fn trouble(&self) -> Option<Trouble> {
        self.0.borrow().trouble
    }
}

/// What `Content-Length` says; the parser has refused the ambiguous ones.
pub fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

impl Flow {
    const fn none() -> Self {
        Self {
            payload: Payload::None,
            conn: None,
            size: BodySize::None,
            limit: 0,
            seen: 0,
            allowed: Duration::ZERO,
            alarm: None,
            touched: false,
            trouble: None,
        }
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        let allowed = self.allowed;
        self.touched = true;
        if let Some(trouble) = self.trouble {
            return Poll::Ready(Some(Err(trouble)));
        }
        match Pin::new(&mut self.payload).poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.seen += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                if self.seen > self.limit {
                    self.fail(Trouble::TooLarge(self.limit))
                } else {
                    Poll::Ready(Some(Ok(chunk)))
                }
            }
            Poll::Ready(Some(Err(_))) => self.fail(Trouble::Broken),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending if self.conn.as_ref().is_some_and(|conn| conn.is_broken()) => self.fail(Trouble::Broken),
            Poll::Pending => {
                let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(allowed)));
                if alarm.as_mut().poll(cx).is_ready() {
                    self.fail(Trouble::TooSlow)
                } else {
                    Poll::Pending
                }
            }
        }
    }

    fn fail(&mut self, trouble: Trouble) -> Poll<Option<Result<Bytes, Trouble>>> {
        self.trouble = Some(trouble);
        // Hang up on the client's side too: whatever still comes is thrown away by the connection.
        self.payload = Payload::None;
        Poll::Ready(Some(Err(trouble)))
    }
}

impl MessageBody for Inbound {
    type Error = Trouble;

    fn size(&self) -> BodySize {
        self.0.borrow().size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        self.0.borrow_mut().next(cx)
    }
}
