//! The private database and its owner. The owner makes everything else when it migrates.

use anyhow::Result;

use crate::{
    pg::{Entry, Server},
    place::Place,
    secrets,
};

pub const PORT: u16 = 5433;
pub const NAME: &str = "yunshu";

/// The roles the server signs in as; each has a password of its own.
const ROLES: [&str; 6] = ["owner", "identity", "compute", "audit", "notify", "system"];

pub fn server(place: &Place) -> Result<Server> {
    Server::at(place, "pg", PORT)
}

pub fn start(place: &Place) -> Result<()> {
    let server = server(place)?;
    server.start(Entry::Passwords, &[("max_connections", "200")])?;
    for role in ROLES {
        secrets::password(place, &format!("pg-{role}.secret"))?;
    }
    let owner = secrets::password(place, "pg-owner.secret")?;
    let have = server.sql(
        "postgres",
        "select rolname from pg_roles where rolname = 'yunshu_owner'",
    )?;
    if have.trim().is_empty() {
        server.sql(
            "postgres",
            &format!("create role yunshu_owner login createrole password '{owner}'"),
        )?;
    }
    let have = server.sql(
        "postgres",
        &format!("select datname from pg_database where datname = '{NAME}'"),
    )?;
    if have.trim().is_empty() {
        server.sql("postgres", &format!("create database {NAME} owner yunshu_owner"))?;
    }
    Ok(())
}
