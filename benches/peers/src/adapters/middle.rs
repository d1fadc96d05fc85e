//! `middle`: an `Authorizer`, which renews tokens in the background. Its own client asks it for the header of each
//! request, and so does this service.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt;
use http::{Request, header::AUTHORIZATION};
use middle::{Authorizer, BasicClientCredentialAuthorizer};
use tower::{Layer, Service, ServiceExt, layer::layer_fn};

use super::Peer;
use crate::{
    contenders::{Body, Client, Contender},
    endpoint,
    issuer::Issuer,
};

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "middle",
        make: |api| {
            async {
                let layer = layer(api.issuer.clone()).await;
                Client::new(layer.layer(api).map_err(|never| match never {}))
            }
            .boxed()
        },
        // Renewed 30 s before the end.
        short_lifetime: Duration::from_secs(33),
    },
    lazy: false,
    pausable: false,
    retries: false,
};

#[derive(Clone)]
pub(crate) struct Middle<S> {
    inner: S,
    authorizer: BasicClientCredentialAuthorizer,
}

pub(crate) async fn layer<S>(issuer: Issuer) -> impl Layer<S, Service = Middle<S>> {
    let url = endpoint::serve(issuer).await.parse().expect("a URL");
    let authorizer = BasicClientCredentialAuthorizer::basic_builder("id", "secret", url).build().await;
    let authorizer = authorizer.expect("a token");
    layer_fn(move |inner| Middle { inner, authorizer: authorizer.clone() })
}

impl<S: Service<Request<Body>>> Service<Request<Body>> for Middle<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Where there is no token, the API says so: there is no error to make it of.
    fn call(&mut self, mut request: Request<Body>) -> S::Future {
        if let Ok(header) = self.authorizer.authorization_header() {
            request.headers_mut().insert(AUTHORIZATION, Arc::unwrap_or_clone(header));
        }
        self.inner.call(request)
    }
}
