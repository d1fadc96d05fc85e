//! End to end over real sockets: TLS, HTTP/1.1 and HTTP/2, token endpoint and API on different hosts.

mod http2;
mod plain;
mod tls;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A server that issues `token-1`, `token-2`, … on POST and accepts calls with the last one only.
#[derive(Clone, Default)]
pub(crate) struct Issuer {
    issued: Arc<AtomicU32>,
    accepted: Arc<AtomicU32>,
    rejected: Arc<AtomicU32>,
    connections: Arc<AtomicU32>,
}

impl Issuer {
    /// Serves on loopback, over TLS if there is an acceptor, and returns the port.
    pub(crate) async fn serve(&self, tls: Option<TlsAcceptor>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuer = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                issuer.connections.fetch_add(1, Ordering::SeqCst);
                let (issuer, tls) = (issuer.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => issuer.connection(stream).await,
                            Err(_untrusted) => {}
                        },
                        None => issuer.connection(stream).await,
                    }
                });
            }
        });
        port
    }

    async fn connection(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = service_fn(|request| {
            let response = self.answer(&request);
            async { Ok::<_, Infallible>(response) }
        });
        let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if request.uri().path() == "/oauth2/token" {
            let number = self.issued.fetch_add(1, Ordering::SeqCst) + 1;
            *response.body_mut() = format!(r#"{{"access_token":"token-{number}","expires_in":3599}}"#).into();
            return response;
        }
        let expected = format!("Bearer token-{}", self.issued.load(Ordering::SeqCst));
        if request.headers()["authorization"] == expected.as_str() {
            self.accepted.fetch_add(1, Ordering::SeqCst);
            *response.body_mut() = version(request.version()).into();
        } else {
            self.rejected.fetch_add(1, Ordering::SeqCst);
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            *response.body_mut() = r#"{"error":"token expired"}"#.into();
        }
        response
    }

    /// Makes the token that is in use invalid.
    fn revoke(&self) {
        self.issued.fetch_add(1, Ordering::SeqCst);
    }
}

fn version(version: Version) -> &'static str {
    if version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" }
}
