//! The bodies of answers on their way out: passed on as they come, and followed to their end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::{BodySize, MessageBody};
use bytes::Bytes;
use futures::future::LocalBoxFuture;
use futures::stream::LocalBoxStream;
use tokio::time::{Sleep, sleep};

use crate::conn::Busy;
use crate::visit::Record;

/// Why an answer broke off. The client sees the connection end before the body does.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    #[error("the service broke off")]
    Service,
    #[error("the service fell silent")]
    Silent,
}

/// An answer's body.
pub struct Outbound {
    source: Source,
    size: BodySize,
    /// Dropped with the body: the request is over then, and not before.
    followed: Option<(Record, Busy)>,
}

enum Source {
    Bytes(Bytes),
    Stream(Piped),
}

/// A body that comes from a service.
pub struct Piped {
    pub stream: LocalBoxStream<'static, Result<Bytes, BrokenOff>>,
    /// How long it may be silent; none for event streams.
    pub patience: Option<Duration>,
    /// Ends the body, well-formed, when it is ready.
    pub until: Option<LocalBoxFuture<'static, ()>>,
    pub alarm: Option<Pin<Box<Sleep>>>,
}

impl Outbound {
    pub fn bytes(bytes: Bytes) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self {
            source: Source::Bytes(bytes),
            size: BodySize::Sized(length),
            followed: None,
        }
    }

    pub fn piped(piped: Piped, size: BodySize) -> Self {
        Self {
            source: Source::Stream(piped),
            size,
            followed: None,
        }
    }

    /// Ties the end of the request to the end of this body.
    pub fn follow(mut self, mut record: Record, busy: Busy) -> Self {
        if matches!(self.size, BodySize::None | BodySize::Sized(0)) {
            // Nobody asks for the next piece of nothing.
            record.finished();
        }
        self.followed = Some((record, busy));
        self
    }
}

impl Piped {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        if let Some(until) = &mut self.until
            && until.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(None);
        }
        let next = self.stream.as_mut().poll_next(cx);
        let Some(patience) = self.patience.filter(|_| next.is_pending()) else {
            self.alarm = None;
            return next;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(patience)));
        if alarm.as_mut().poll(cx).is_ready() {
            Poll::Ready(Some(Err(BrokenOff::Silent)))
        } else {
            Poll::Pending
        }
    }
}

impl MessageBody for Outbound {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        let this = self.get_mut();
        let next = match &mut this.source {
            Source::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Bytes(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Source::Stream(piped) => piped.next(cx),
        };
        if let (Some((record, busy)), Poll::Ready(event)) = (&mut this.followed, &next) {
            match event {
                Some(Ok(chunk)) => {
                    busy.sent(chunk);
                    record.sent(chunk.len());
                }
                Some(Err(_)) => record.broke_off(),
                None => record.finished(),
            }
        }
        next
    }
}
