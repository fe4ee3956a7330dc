//! One open stream.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use auth::Caller;
use auth::action::event::Stream as StreamEvents;
use bytes::Bytes;
use events::{Envelope, Position};
use futures::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::event;
use crate::hub::{News, Seat};
use crate::state::Notify;
use crate::wanted::Wanted;

/// Events per transaction while a client catches up.
const PAGE: usize = 500;

/// A stream that is being read.
pub struct Open {
    notify: Arc<Notify>,
    caller: Caller,
    /// The caller's session, as the audit log names it.
    session: Option<String>,
    wanted: Wanted,
    seat: Seat,
    /// Up to here the client has what is for it, once the frames that are ready have left.
    at: Position,
    ready: VecDeque<Bytes>,
    /// There may be more in the database that the seat was too late for.
    behind: bool,
    ends: Instant,
    spoke: Instant,
}

impl Open {
    /// Opens a stream behind `after`, or from now on. What the client missed is looked up before the answer begins, so
    /// that a database that is away is a 503 and not an empty stream.
    pub async fn begin(
        notify: Arc<Notify>,
        caller: Caller,
        wanted: Wanted,
        seat: Seat,
        after: Option<Position>,
    ) -> Result<Self, fault::Error> {
        let (now, at) = (Instant::now(), after.unwrap_or(seat.from));
        let mut open = Self {
            ready: VecDeque::from([event::opening(at)]),
            behind: at < seat.from,
            ends: now + notify.lifetime,
            spoke: now,
            session: caller.session().map(|session| format!("session:{session}")),
            notify,
            caller,
            wanted,
            seat,
            at,
        };
        if open.behind {
            open.catch_up().await?;
        }
        Ok(open)
    }

    /// The frames, until the stream ends.
    pub fn frames(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut open| async {
            let frame = open.next().await?;
            open.spoke = Instant::now();
            Some((Ok(frame), open))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.behind {
                // The client comes back by itself and reads on where it was.
                self.catch_up().await.ok()?;
                continue;
            }
            let shutdown = self.notify.shutdown.clone();
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = sleep_until(self.ends) => return None,
                news = self.seat.news.recv() => self.hear(news)?,
                () = sleep_until(self.spoke + self.notify.heartbeat) => return Some(event::heartbeat(self.at)),
            }
        }
    }

    /// Takes the news in; none if the stream is to end.
    fn hear(&mut self, news: Result<News, RecvError>) -> Option<()> {
        match news {
            Ok(News::Event(told)) => {
                // What was caught up with from the database is told again.
                if told.event.position > self.at {
                    self.at = told.event.position;
                    if self.is_for_me(&told.event) {
                        self.ready.push_back(told.frame.clone());
                    }
                }
                Some(())
            }
            Ok(News::Ended(session)) if self.session.as_deref() == Some(&*session) => None,
            Ok(News::Ended(_)) => Some(()),
            Ok(News::Unread) | Err(RecvError::Lagged(_) | RecvError::Closed) => None,
        }
    }

    async fn catch_up(&mut self) -> Result<(), fault::Error> {
        let mut tx = self.notify.db.read::<StreamEvents>(&self.caller).await?;
        let swept = events::swept(&mut tx).await?;
        if self.at < swept {
            self.at = swept;
            self.ready.push_back(event::reset(tx.tenant_id(), swept, tx.now()));
        }
        let page = events::since(&mut tx, self.at, PAGE).await?.events;
        drop(tx);
        self.behind = page.len() == PAGE;
        for event in &page {
            self.at = event.position;
            if self.is_for_me(event) {
                self.ready.push_back(event::frame(event));
            }
        }
        if !self.behind {
            self.at = self.at.max(self.seat.from);
        }
        Ok(())
    }

    fn is_for_me(&self, event: &Envelope) -> bool {
        self.wanted.has(&event.kind) && event::may_hear(&self.caller, event)
    }
}
