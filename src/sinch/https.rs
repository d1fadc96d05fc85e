//! [`HttpsClient`]: the client of token requests unless another is given.
//!
//! It passes the TLS provider explicitly, because it neither needs nor installs a process-wide default.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::GaiResolver},
    },
    rt::TokioExecutor,
};
use rustls::{ClientConfig, crypto::CryptoProvider};
use tower_service::Service;

use crate::error::BoxError;

/// How long connecting may take, the addresses of the token endpoint together: each has an equal share, so that one that
/// does not answer leaves time for the others, within the same attempt. With four addresses, the share still lets a SYN
/// be lost once (RFC 6298 §2.1: 1 s).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The default client for token requests: HTTP/1.1 and HTTP/2 over TLS, Mozilla's root certificates.
///
/// There is one for the whole process, of which every value is a handle: one TLS configuration and one set of roots,
/// however many accounts there are. It is a service. To limit the rate of all accounts together, wrap it, and pass it to
/// [`ClientCredentials::with_client`](crate::ClientCredentials::with_client).
///
/// Plain `http` works, for tests on loopback. No proxy is used, no redirect followed, and no connection kept: token
/// requests are too rare for that, and a connection would end with the runtime that made it. Connecting takes at most
/// 4 s, which the addresses of the host share: if one does not answer, the next is tried within the same attempt. For
/// anything else pass your own client.
#[derive(Clone, Copy)]
pub struct HttpsClient(&'static Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

static SHARED: OnceLock<Client<HttpsConnector<HttpConnector>, Full<Bytes>>> = OnceLock::new();

// === impl HttpsClient ===

impl HttpsClient {
    /// Returns a handle of the client that [`ClientCredentials::new`](crate::ClientCredentials::new) uses.
    ///
    /// The first call builds it. Needs no runtime, reads no file.
    #[must_use]
    pub fn shared() -> Self {
        Self(SHARED.get_or_init(|| {
            let connector = connector(GaiResolver::new());
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
        }))
    }
}

impl Service<Request<Full<Bytes>>> for HttpsClient {
    type Response = Response<BoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    /// Always ready.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let exchange = self.0.request(request);
        Box::pin(async {
            let response = exchange.await?;
            Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
        })
    }
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").finish_non_exhaustive()
    }
}

fn connector<R>(resolver: R) -> HttpsConnector<HttpConnector<R>> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map(|config| config.with_webpki_roots().with_no_client_auth());
    #[expect(clippy::expect_used, reason = "whether it fails is fixed when this crate is compiled")]
    let config = config.expect("rustls' own providers support its default versions");
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector)
}

#[cfg(feature = "client")]
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

#[cfg(not(feature = "client"))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

// On other systems a full backlog refuses connections instead of not answering them.
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
