//! rustls on both ends, with a certificate made in the test.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::PrivatePkcs8KeyDer,
};
use tokio_rustls::TlsAcceptor;
use tower::{ServiceBuilder, ServiceExt};
use tower_sinch_auth::{AccessKey, ClientCredentials, SinchAuthLayer};

use super::Issuer;

type TlsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// An acceptor with a fresh certificate for `localhost`, and a client that trusts it.
fn tls(http2: bool) -> (TlsAcceptor, TlsClient) {
    let provider: Arc<CryptoProvider> = Arc::new(default_provider());
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());

    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    server.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { vec![b"http/1.1".to_vec()] };

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(client)
        .https_only()
        .enable_http1()
        .enable_http2()
        .build();
    (TlsAcceptor::from(Arc::new(server)), Client::builder(TokioExecutor::new()).build(connector))
}

/// Calls through a revocation; token endpoint and API have a host each.
async fn assert_end_to_end(http2: bool) {
    let issuer = Issuer::default();
    let (acceptor, client) = tls(http2);
    let auth = issuer.serve(Some(acceptor.clone())).await;
    let api = issuer.serve(Some(acceptor)).await;
    let endpoint: Uri = format!("https://localhost:{auth}/oauth2/token").parse().unwrap();
    let key = AccessKey::new("id", "secret").unwrap();
    let credentials = ClientCredentials::with_client(client.clone(), key).endpoint(endpoint);
    let service = ServiceBuilder::new().layer(SinchAuthLayer::new(credentials)).service(client);

    for call in 0..4 {
        if call == 2 {
            issuer.revoke();
        }
        let request =
            Request::post(format!("https://localhost:{api}/v1/x")).body(Full::from("body")).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, if http2 { "HTTP/2" } else { "HTTP/1.1" });
    }
    assert_eq!((issuer.accepted.load(Ordering::SeqCst), issuer.rejected.load(Ordering::SeqCst)), (4, 1));
}

#[tokio::test]
async fn a_stack_over_tls_and_http1_heals_a_revocation() {
    assert_end_to_end(false).await;
}

#[tokio::test]
async fn a_stack_over_tls_and_http2_heals_a_revocation() {
    assert_end_to_end(true).await;
}

#[tokio::test]
async fn an_untrusted_certificate_is_an_error_of_the_exchange() {
    let issuer = Issuer::default();
    let (acceptor, _) = tls(false);
    let (_, stranger) = tls(false);
    let port = issuer.serve(Some(acceptor)).await;
    let key = AccessKey::new("id", "secret").unwrap();
    let credentials = ClientCredentials::with_client(stranger, key)
        .endpoint(format!("https://localhost:{port}/oauth2/token").parse().unwrap());
    let error = tower_sinch_auth::TokenSource::fetch(&credentials).await.unwrap_err();
    assert_eq!(error.kind(), tower_sinch_auth::TokenErrorKind::Unavailable);
    assert!(error.to_string().contains("certificate of the token endpoint is not trusted"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
    assert_eq!(issuer.issued.load(Ordering::SeqCst), 0);
}
