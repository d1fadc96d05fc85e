//! `huskarl`: an `HttpAuthorizer` over a cache of tokens, with the request loop of its guide: every response is shown
//! to it, and a request that ended with a `401` sent once more.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::future::{BoxFuture, FutureExt};
use http::{Request, Response, StatusCode};
use huskarl::{
    authorizer::HttpAuthorizer,
    cache::{InMemoryTokenCache, TokenError, TokenSource},
    core::{Error, RetryAdvice, platform::MaybeSendBoxFuture},
    grant::core::{RawTokenResponse, TokenResponse},
};
use tower::{Layer, Service, ServiceExt, layer::layer_fn};
use tower_sinch_auth::BoxError;

use super::Peer;
use crate::{
    contenders::{Body, Client, Contender},
    issuer::Issuer,
};

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "huskarl",
        make: |api| async { Client::new(layer(api.issuer.clone()).layer(api)) }.boxed(),
        short_lifetime: Duration::from_secs(5),
    },
    lazy: true,
    pausable: true,
    retries: true,
};

#[derive(Clone)]
pub(crate) struct Huskarl<S> {
    inner: S,
    authorizer: Arc<HttpAuthorizer>,
}

struct Source(Issuer);

pub(crate) fn layer<S>(issuer: Issuer) -> impl Layer<S, Service = Huskarl<S>> {
    let cache = InMemoryTokenCache::builder().source(Source(issuer)).build();
    let authorizer = Arc::new(HttpAuthorizer::builder().cache(cache).build());
    layer_fn(move |inner| Huskarl { inner, authorizer: Arc::clone(&authorizer) })
}

impl TokenSource for Source {
    fn token(&self) -> MaybeSendBoxFuture<'_, Result<Arc<TokenResponse>, TokenError>> {
        Box::pin(async {
            let failed = |error| TokenError::from(Error::new(RetryAdvice::RETRY, error));
            let token = self.0.issue().await.map_err(failed)?;
            let response = RawTokenResponse::builder()
                .access_token(token)
                .token_type("Bearer")
                .expires_in(self.0.lifetime().as_secs())
                .build();
            Ok(Arc::new(response.into_token_response(None, SystemTime::now()).expect("it is a bearer token")))
        })
    }
}

impl<S, B> Service<Request<Body>> for Huskarl<S>
where
    S: Service<Request<Body>, Response = Response<B>, Future: Send> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let authorizer = Arc::clone(&self.authorizer);
        async move {
            let mut again = request.clone();
            let headers = authorizer.get_headers(request.method(), request.uri()).await?;
            request.headers_mut().extend(headers);
            let response = inner.call(request).await.map_err(Into::into)?;
            authorizer.process_response(again.uri(), response.headers());
            if response.status() != StatusCode::UNAUTHORIZED {
                return Ok(response);
            }
            let headers = authorizer.get_headers(again.method(), again.uri()).await?;
            again.headers_mut().extend(headers);
            let uri = again.uri().clone();
            let response = inner.oneshot(again).await.map_err(Into::into)?;
            authorizer.process_response(&uri, response.headers());
            Ok(response)
        }
        .boxed()
    }
}
