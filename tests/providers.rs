//! The default client beside whatever rustls provider the process has. A binary of its own: a process-wide default is
//! installed once, and the other tests shall not see it.
//!
//! With the feature `client-ring` both providers are compiled in, because development dependencies need `aws-lc-rs`.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{error::Error, iter, sync::Arc};

use rustls::{
    NamedGroup, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::PrivatePkcs8KeyDer,
    server::Acceptor,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::LazyConfigAcceptor;
use tower_sinch_auth::{
    AccessKey, ClientCredentials, SinchAuthLayer, TokenErrorKind, TokenRefresher, TokenSource,
};

/// The provider that the default client brings.
fn ours() -> CryptoProvider {
    #[cfg(feature = "client")]
    return aws_lc_rs::default_provider();
    #[cfg(not(feature = "client"))]
    return rustls::crypto::ring::default_provider();
}

/// One that is told from it by its key exchange groups.
fn another() -> CryptoProvider {
    #[cfg(all(feature = "client", feature = "client-ring"))]
    return rustls::crypto::ring::default_provider();
    #[cfg(all(feature = "client", not(feature = "client-ring")))]
    return CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::SECP384R1], ..ours() };
    #[cfg(not(feature = "client"))]
    return aws_lc_rs::default_provider();
}

fn groups(provider: &CryptoProvider) -> Vec<NamedGroup> {
    provider.kx_groups.iter().map(|group| group.name()).collect()
}

fn key() -> AccessKey {
    AccessKey::new("id", "secret").unwrap()
}

/// Answers one handshake with a certificate that no one vouches for, and returns its port and, later, the key exchange
/// groups of the client.
async fn stranger() -> (u16, JoinHandle<Vec<NamedGroup>>) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let handshake = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await.unwrap();
        let groups = start.client_hello().named_groups().expect("the groups are offered").to_vec();
        start.into_stream(Arc::new(config)).await.expect_err("the client hangs up on a stranger");
        groups
    });
    (port, handshake)
}

/// Asks a stranger for a token: a handshake up to its certificate, which is refused.
async fn assert_exchange_is_by(provider: &CryptoProvider) {
    let (port, handshake) = stranger().await;
    let endpoint = format!("https://localhost:{port}/oauth2/token").parse().unwrap();
    let error = ClientCredentials::new(key()).endpoint(endpoint).fetch().await.unwrap_err();
    let causes: Vec<String> =
        iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
    assert_eq!(error.kind(), TokenErrorKind::Unavailable);
    assert!(error.to_string().contains("certificate of the token endpoint is not trusted"), "{error}");
    assert!(causes.iter().any(|cause| cause.contains("UnknownIssuer")), "{causes:?}");
    assert_eq!(handshake.await.unwrap(), groups(provider));
}

#[tokio::test]
async fn the_default_client_uses_the_provider_of_the_process_and_installs_none() {
    assert!(CryptoProvider::get_default().is_none());
    #[cfg(feature = "client-ring")]
    std::panic::catch_unwind(rustls::ClientConfig::builder).expect_err("rustls cannot choose between two");
    assert_exchange_is_by(&ours()).await;
    let _: [SinchAuthLayer; 2] =
        [SinchAuthLayer::new(key()), SinchAuthLayer::new(TokenRefresher::from(key()))];
    assert!(CryptoProvider::get_default().is_none());

    another().install_default().unwrap();
    assert_ne!(groups(&another()), groups(&ours()));
    assert_exchange_is_by(&another()).await;
    assert_eq!(groups(CryptoProvider::get_default().unwrap()), groups(&another()));
}
