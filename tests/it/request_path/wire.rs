//! Over real sockets: hyper's HTTP/1 server and hyper-util's client.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use tower_sinch_auth::BufferBody;

use crate::support::api::{
    BodyStep, ScriptedBody, assert_success, get, rejection, scripted, success, token_of, trailers,
};

/// An HTTP/1 server on loopback, and how many connections it has accepted.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F, Fut>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Response<Full<Bytes>>> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, connections }
    }

    fn uri(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn client<B>() -> Client<HttpConnector, B>
where
    B: http_body::Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new()).build_http()
}

fn is_rejected(request: &Request<Incoming>) -> bool {
    token_of(request.headers()) == Some("token-1")
}

#[tokio::test]
async fn a_401_with_a_body_and_its_retry_use_one_connection() {
    let server =
        Server::start(async |request| if is_rejected(&request) { rejection() } else { success() }).await;
    let (layer, _) = scripted();
    let response = layer.layer(client()).oneshot(get(&server.uri())).await.unwrap();
    assert_success(&response);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_streamed_upload_with_trailers_is_replayed_byte_for_byte() {
    let server = Server::start(async |request| {
        let rejected = is_rejected(&request);
        let body = request.into_body().collect().await.unwrap();
        if rejected {
            return rejection();
        }
        assert_eq!(body.trailers(), Some(&trailers()));
        Response::new(Full::from(body.to_bytes()))
    })
    .await;
    let (layer, _) = scripted();
    let service = layer.replay(BufferBody::up_to(1024)).layer(client());
    let body = ScriptedBody::data(&["one ", "two ", "three"]).then(BodyStep::Trailers(trailers()));
    let request = Request::post(server.uri()).header("trailer", "x-checksum").body(body).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_success(&response);
    let echoed = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(echoed, "one two three");
}

#[tokio::test]
async fn a_401_during_the_upload_is_retried_with_the_whole_body() {
    let server = Server::start(async |request| {
        if is_rejected(&request) {
            // Read on meanwhile: a server that closes could take its answer along.
            tokio::spawn(request.into_body().collect());
            return rejection();
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert!(body.iter().all(|byte| *byte == b'x'));
        Response::new(Full::from(body.len().to_string()))
    })
    .await;
    static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];
    const PIECES: usize = 64;
    let (layer, _) = scripted();
    let service = layer.replay(BufferBody::up_to(PIECES * PIECE.len())).layer(client());
    let body = ScriptedBody::new(vec![BodyStep::Data(&PIECE); PIECES]);
    let request = Request::post(server.uri()).body(body).unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let received = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(received, (PIECES * PIECE.len()).to_string());
}
