//! Serves the web portal: static files, held in memory, compressed at build time.
//!
//! `ui/` is the portal itself; `npm run build` there makes the directory that `[portal] assets` names. The whole build is
//! read once at start, so a half-copied new build never mixes with the old one, a path from outside never reaches a
//! file system, and a request costs one look-up.

mod assets;
mod page;
mod routes;
mod service;
mod settings;
mod state;

pub use assets::Missing;
pub use routes::mount;
pub use service::{Deps, Service};
pub use settings::Settings;
