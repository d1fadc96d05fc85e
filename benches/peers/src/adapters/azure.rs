//! `azure_core`: the policy for bearer tokens of its pipeline, with a callback that authorizes a request anew after a
//! `401`. It has requests of its own, so the service makes one, and takes over its header.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    Error, Result,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{
        AsyncRawResponse, Context as PipelineContext, Method, Request as PipelineRequest, Url,
        headers::{self, Headers},
        policies::{
            Policy, PolicyResult,
            auth::{Authorizer, BearerTokenAuthorizationPolicy, OnChallenge},
        },
    },
    time::OffsetDateTime,
};
use futures::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Request, Response, header};
use tower::{Layer, Service, ServiceExt, layer::layer_fn};
use tower_sinch_auth::BoxError;

use super::Peer;
use crate::{
    api::API,
    contenders::{Body, Client, Contender},
    issuer::Issuer,
};

const SCOPE: &str = "scope";

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "azure_core",
        make: |api| async { Client::new(layer(api.issuer.clone()).layer(api)) }.boxed(),
        // Renewed 300 s before the end.
        short_lifetime: Duration::from_secs(303),
    },
    lazy: true,
    // Readers of its lock wake one another for as long as a writer waits: paused time would never move on.
    pausable: false,
    retries: true,
};

#[derive(Clone)]
pub(crate) struct Azure<S> {
    inner: S,
    policy: Option<BearerTokenAuthorizationPolicy>,
}

#[derive(Debug)]
struct Credential(Issuer);

#[derive(Debug)]
struct AuthorizeAnew;

/// The end of the pipeline: sends `request` to `inner`, with the header of the pipeline's request.
struct Hop<S, B> {
    inner: S,
    request: Request<Body>,
    answer: Mutex<Option<Response<B>>>,
}

pub(crate) fn layer<S>(issuer: Issuer) -> impl Layer<S, Service = Azure<S>> {
    let policy = BearerTokenAuthorizationPolicy::new(Arc::new(Credential(issuer)), [SCOPE])
        .with_on_challenge(Arc::new(AuthorizeAnew));
    layer_fn(move |inner| Azure { inner, policy: Some(policy.clone()) })
}

/// What a call costs in its pipeline without the policy.
pub(crate) fn bare<S>(inner: S) -> Azure<S> {
    Azure { inner, policy: None }
}

#[async_trait]
impl TokenCredential for Credential {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> Result<AccessToken> {
        let token = self.0.issue().await.map_err(|error| Error::new(ErrorKind::Credential, error))?;
        Ok(AccessToken::new(token, OffsetDateTime::now_utc() + self.0.lifetime()))
    }
}

#[async_trait]
impl OnChallenge for AuthorizeAnew {
    async fn on_challenge(
        &self,
        _: &PipelineContext,
        request: &mut PipelineRequest,
        authorizer: &dyn Authorizer,
        _: &Headers,
    ) -> Result<()> {
        authorizer.authorize(request, &[SCOPE], TokenRequestOptions::default()).await
    }
}

impl<S, B> fmt::Debug for Hop<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S, B> Policy for Hop<S, B>
where
    S: Service<Request<Body>, Response = Response<B>, Future: Send> + Clone + Send + Sync,
    S::Error: Into<BoxError>,
    B: Send,
{
    async fn send(
        &self,
        _: &PipelineContext,
        from: &mut PipelineRequest,
        _: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let mut request = self.request.clone();
        let authorization = from.headers().iter().find(|(name, _)| **name == headers::AUTHORIZATION);
        if let Some((_, value)) = authorization {
            let value =
                HeaderValue::try_from(value.as_str()).map_err(|error| Error::new(ErrorKind::Other, error))?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let answer = self.inner.clone().oneshot(request).await;
        let answer = answer.map_err(|error| Error::new(ErrorKind::Io, error))?;
        let mut headers = Headers::new();
        if let Some(challenge) = answer.headers().get(header::WWW_AUTHENTICATE) {
            headers.insert(headers::WWW_AUTHENTICATE, challenge.to_str().unwrap_or_default().to_owned());
        }
        let response = AsyncRawResponse::from_bytes(answer.status().as_u16().into(), headers, Vec::new());
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(response)
    }
}

impl<S, B> Service<Request<Body>> for Azure<S>
where
    S: Service<Request<Body>, Response = Response<B>, Future: Send> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, std::result::Result<Response<B>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<std::result::Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { inner, policy } = self.clone();
        async move {
            // Always `API`: the policy refuses what is not `https`, as loopback is.
            let mut from = PipelineRequest::new(Url::parse(API)?, Method::Get);
            let hop = Arc::new(Hop { inner, request, answer: Mutex::new(None) });
            let context = PipelineContext::new();
            match policy {
                Some(policy) => {
                    policy.send(&context, &mut from, &[Arc::clone(&hop) as Arc<dyn Policy>]).await?
                }
                None => hop.send(&context, &mut from, &[]).await?,
            };
            let answer = hop.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
            Ok(answer.expect("the pipeline sent the request"))
        }
        .boxed()
    }
}
