use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Limits;

/// Resolves names to admitted addresses only. What it answers is what is connected to; nothing is looked up twice.
pub(crate) struct Public(pub Arc<Limits>);

/// Among the addresses of a name there is none that is admitted.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub(crate) struct Private;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let limits = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| limits.admits(address.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(Private).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
