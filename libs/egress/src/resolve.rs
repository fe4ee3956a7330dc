use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::is_public;

/// Resolves names to public addresses only. What it answers is what is connected to; nothing is looked up twice.
pub(crate) struct Public;

/// Among the addresses of a name there is none that is public.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub(crate) struct Private;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(Private).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
