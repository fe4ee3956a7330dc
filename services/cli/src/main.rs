//! `yunshu`: Yunshu from the command line.
//!
//! Everything it does is a call of the public API; what it does not know by name, `yunshu api` reaches. One thing it does
//! alone: `yunshu audit verify` believes nobody.

mod access;
mod args;
mod audit;
mod client;
mod device;
mod explain;
mod field;
mod identity;
mod letters;
mod output;
mod profile;
mod resource;
mod session;
mod vm;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

/// 0: done. 1: refused or failed. 2: the command line is wrong. 3: sign in first.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = args::Args::parse();
    match args.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::output::tell(format_args!("yunshu: {error:#}"));
            let refused = error.downcast_ref::<client::Refused>();
            let sign_in = error.is::<client::SignedOut>() || refused.is_some_and(client::Refused::is_sign_in);
            ExitCode::from(if sign_in { 3 } else { 1 })
        }
    }
}
