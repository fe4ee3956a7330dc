//! The one way to a provider: libs/egress, and https unless the operator develops.

use std::pin::Pin;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};

use super::{Error, Relying};

/// Carries the requests that are made of a provider's answers.
pub(super) struct Http<'a>(pub &'a Relying);

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.call(request))
    }
}

impl Relying {
    pub(super) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, Error> {
        let plain = request.uri().scheme_str() != Some("https");
        if plain && !self.settings.plain_http {
            return Err(Error::Silent("the provider names an address without https".to_owned()));
        }
        let path = request.uri().path().to_owned();
        let answer = self.egress.call(request).await;
        answer.map_err(|error| Error::Silent(format!("{path}: {error}")))
    }
}
