//! [`HttpsClient`]: the client of token requests unless another is given.
//!
//! It passes the TLS provider explicitly, because it neither needs nor installs a process-wide default.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::GaiResolver},
    },
    rt::TokioExecutor,
};
use rustls::{ClientConfig, crypto::CryptoProvider};

/// How long connecting may take, the addresses of the token endpoint together: each has an equal share, so that one that
/// does not answer leaves time for the others, within the same attempt. With four addresses, the share still lets a SYN
/// be lost once (RFC 6298 §2.1: 1 s).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// The default client for token requests: hyper-util and rustls, HTTP/1.1 and HTTP/2, Mozilla's root certificates.
///
/// Plain `http` works, for tests on loopback. No proxy is used, no redirect followed, and no connection kept: token
/// requests are too rare for that. Connecting takes at most 4 s, which the addresses of the host share: if one does not
/// answer, the next is tried within the same attempt. For anything else pass your own client to
/// [`ClientCredentials::with_client`](crate::ClientCredentials::with_client).
pub type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Builds the client. Needs no runtime, reads no file.
pub(super) fn https() -> HttpsClient {
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector(GaiResolver::new()))
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
