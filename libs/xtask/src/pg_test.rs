//! The PostgreSQL that tests use: as durable as the real one, open to anybody who reaches its socket.
//! Tests find it through `YUNSHU_TEST_PG`, a superuser's URL that is also written to `test.env`.

use anyhow::Result;

use crate::{
    pg::{Entry, Server},
    place::Place,
};

const PORT: u16 = 5434;

/// Starts the server unless it runs; answers the superuser's URL.
pub fn start(place: &Place) -> Result<String> {
    let server = Server::at(place, "pg-test", PORT)?;
    // Each test has its own database and several pools: many connections, many locks.
    server.start(
        Entry::Open,
        &[
            ("max_connections", "400"),
            ("max_locks_per_transaction", "256"),
            ("shared_buffers", "256MB"),
        ],
    )?;
    let socket = server.socket.to_string_lossy().replace('/', "%2F");
    let url = format!("postgres://postgres@localhost:{PORT}/postgres?host={socket}");
    place.test_env("YUNSHU_TEST_PG", &url)?;
    Ok(url)
}

pub fn stop(place: &Place) -> Result<()> {
    Server::at(place, "pg-test", PORT)?.stop()
}

pub fn is_up(place: &Place) -> Result<bool> {
    Ok(Server::at(place, "pg-test", PORT)?.is_up())
}
