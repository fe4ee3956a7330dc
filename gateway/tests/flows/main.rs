//! The gateway as its clients and services see it: over sockets, with services that record what reaches them.

mod stack;

mod credentials;
mod forwarding;
mod limits;
mod pages;
mod slow;
mod smuggling;
mod tls;
mod upstreams;
