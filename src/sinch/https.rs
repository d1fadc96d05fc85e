//! [`HttpsClient`]: the client of token requests unless another is given.
//!
//! It passes the TLS provider explicitly: the one that the process has installed, else its own. It neither needs nor installs
//! a process-wide one.

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
/// however many accounts there are. TLS is that of the rustls provider that the process has installed, by the time of the
/// exchange, else that of the feature. It is a service. To limit the rate of all accounts together, wrap it, and pass it to
/// [`ClientCredentials::with_client`](crate::ClientCredentials::with_client).
///
/// Plain `http` works, for tests on loopback. No proxy is used, no redirect followed, and no connection kept: token
/// requests are too rare for that, and a connection would end with the runtime that made it. Connecting takes at most
/// 4 s, which the addresses of the host share: if one does not answer, the next is tried within the same attempt. For
/// anything else pass your own client.
#[derive(Clone, Copy)]
pub struct HttpsClient(());

type Inner = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// What makes exchanges; or what is wrong with the provider that the process has installed.
type Shared = OnceLock<Result<Inner, rustls::Error>>;

// === impl HttpsClient ===

impl HttpsClient {
    /// Returns a handle of the client that [`ClientCredentials::new`](crate::ClientCredentials::new) uses.
    ///
    /// The first exchange builds it. Needs no runtime, reads no file.
    #[must_use]
    pub fn shared() -> Self {
        Self(())
    }

    /// Returns what makes exchanges now: a process can install a provider once, at any time.
    fn inner() -> Result<&'static Inner, rustls::Error> {
        static OURS: Shared = OnceLock::new();
        static INSTALLED: Shared = OnceLock::new();
        let inner = match CryptoProvider::get_default() {
            Some(installed) => INSTALLED.get_or_init(|| build(Arc::clone(installed))),
            None => OURS.get_or_init(|| build(Arc::new(provider()))),
        };
        inner.as_ref().map_err(Clone::clone)
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
        let exchange = Self::inner().map(|inner| inner.request(request));
        Box::pin(async {
            let response = exchange?.await?;
            Ok(response.map(|body| body.map_err(BoxError::from).boxed()))
        })
    }
}

impl fmt::Debug for HttpsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").finish_non_exhaustive()
    }
}

/// Errs if `provider` has no cipher suite for any version of TLS.
fn build(provider: Arc<CryptoProvider>) -> Result<Inner, rustls::Error> {
    let connector = connector(GaiResolver::new(), provider)?;
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector))
}

fn connector<R>(
    resolver: R,
    provider: Arc<CryptoProvider>,
) -> Result<HttpsConnector<HttpConnector<R>>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_roots()
        .with_no_client_auth();
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector))
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
