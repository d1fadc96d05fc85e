//! `google-cloud-auth`: credentials that are asked for the headers of each request, as Google's own clients do, and
//! renewed in the background.

use std::{
    mem,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use google_cloud_auth::credentials::{CacheableResource, Credentials, user_account};
use http::{Extensions, Request};
use serde_json::json;
use tower::{Layer, Service, layer::layer_fn};
use tower_sinch_auth::BoxError;

use super::Peer;
use crate::{
    contenders::{Body, Client, Contender},
    endpoint,
    issuer::Issuer,
};

pub(crate) const PEER: Peer = Peer {
    contender: Contender {
        name: "google-cloud-auth",
        make: |api| async { Client::new(layer(api.issuer.clone()).await.layer(api)) }.boxed(),
        // Renewed 240 s before the end.
        short_lifetime: Duration::from_secs(243),
    },
    lazy: true,
    pausable: false,
    retries: false,
};

#[derive(Clone)]
pub(crate) struct Google<S> {
    inner: S,
    credentials: Credentials,
}

pub(crate) async fn layer<S>(issuer: Issuer) -> impl Layer<S, Service = Google<S>> {
    let user = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": "refresh",
    });
    let url = endpoint::serve(issuer).await;
    let credentials = user_account::Builder::new(user).with_token_uri(url).build().expect("credentials");
    layer_fn(move |inner| Google { inner, credentials: credentials.clone() })
}

impl<S> Service<Request<Body>> for Google<S>
where
    S: Service<Request<Body>, Future: Send> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let credentials = self.credentials.clone();
        async move {
            if let CacheableResource::New { data, .. } = credentials.headers(Extensions::new()).await? {
                request.headers_mut().extend(data);
            }
            inner.call(request).await.map_err(Into::into)
        }
        .boxed()
    }
}
