//! Credentials in use are asked about together, before their words grow old: a request then waits for nobody, and
//! identity answers a thousand at a time for little more than one.

use std::time::Duration;

use actix_http::Method;
use auth::Changed;

use super::{Credentials, LONGEST, Question};
use crate::body::Inbound;
use crate::proxy::Proxy;

const PATH: &str = "/internal/standings";

impl Credentials {
    /// Renews again and again. One worker does it for all; where it ends, another takes its turn.
    pub async fn keep_renewing(&self, proxy: &Proxy, pause: Duration) {
        let _turn = self.renewing.lock().await;
        loop {
            tokio::time::sleep(pause).await;
            self.renew(proxy).await;
        }
    }

    /// Renews what identity said of the credentials in use. What it does not answer is asked for one by one, later.
    async fn renew(&self, proxy: &Proxy) {
        for known in self.standings.in_use() {
            let Ok(body) = serde_json::to_vec(&known) else { return };
            let question = Question {
                method: Method::POST,
                path: PATH,
                body: Inbound::bytes(body),
                longest: LONGEST * 32,
            };
            // Dated before the question: the answer may be older than its arrival.
            let since = self.clock.now();
            match self.ask_identity::<Vec<Changed>>(proxy, question).await {
                Ok(changed) => self.standings.renew(&known, changed, since).await,
                Err(error) => {
                    tracing::debug!(%error, "standings were not renewed");
                    return;
                }
            }
        }
    }
}
