//! One request from its head to the last byte of its answer, and the line it leaves in the log.

use std::net::IpAddr;
use std::time::Instant;

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_http::{Method, Request};
use ids::{RequestId, TenantId};

use crate::limit::Room;
use crate::routes::Rule;
use crate::trace::Trace;

/// What is known of a request while it is worked on.
pub struct Visit {
    pub id: RequestId,
    pub trace: Trace,
    pub address: IpAddr,
    pub secure: bool,
    pub started: Instant,
    pub rule: Option<&'static Rule>,
    pub tenant: Option<TenantId>,
    /// The rate that leaves the least room, for the answer's headers.
    pub room: Option<Room>,
}

impl Visit {
    pub fn begin(request: &Request, address: IpAddr, secure: bool) -> Self {
        let id = RequestId::mint();
        let trace = Trace::of(&request.head().headers, id);
        Self {
            id,
            trace,
            address,
            secure,
            started: Instant::now(),
            rule: None,
            tenant: None,
            room: None,
        }
    }

    /// Takes a rate's room into account.
    pub fn noticed(&mut self, room: Room) {
        self.room = Some(self.room.map_or(room, |other| room.tighter(other)));
    }

    /// Writes what every answer says of its request.
    pub fn apply(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        if let Some(room) = &self.room {
            room.apply(headers);
        }
    }
}

/// How the answer went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The service did not send all of it.
    BrokenOff,
    /// The client did not take all of it.
    Left,
}

/// The line in the access log; written when it is dropped, answered or not. It holds no query, no header and no body:
/// those carry secrets.
pub struct Record {
    pub visit: Visit,
    method: Method,
    path: String,
    status: Option<u16>,
    sent: usize,
    end: End,
}

impl Record {
    pub fn begin(request: &Request, address: IpAddr, secure: bool) -> Self {
        let path = request.path();
        Self {
            visit: Visit::begin(request, address, secure),
            method: request.method().clone(),
            path: path.get(..256).unwrap_or(path).to_owned(),
            status: None,
            sent: 0,
            end: End::Left,
        }
    }

    pub const fn answered(&mut self, status: u16) {
        self.status = Some(status);
    }

    pub const fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    pub const fn finished(&mut self) {
        self.end = End::Whole;
    }

    pub const fn broke_off(&mut self) {
        self.end = End::BrokenOff;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Self {
            visit,
            method,
            path,
            status,
            sent,
            end,
        } = self;
        tracing::info!(
            target: "access",
            request = %visit.id,
            trace = visit.trace.id,
            %method,
            route = visit.rule.map_or("-", |rule| rule.path),
            path,
            status,
            ms = u64::try_from(visit.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes = sent,
            end = match end { End::Whole => "whole", End::BrokenOff => "broken_off", End::Left => "left" },
            tenant = visit.tenant.map(|tenant| tenant.to_string()),
            address = %visit.address,
            secure = visit.secure,
        );
    }
}
