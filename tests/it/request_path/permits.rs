//! The retry that waits for readiness: for a second with the 401 at hand, then without it, because it may hold what the
//! inner service waits for.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, client::conn::http1, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_test::{assert_pending, assert_ready_err};
use tower::{Layer, Service, ServiceExt};
use tower_sinch_auth::{BoxError, TokenError, TokenErrorKind};

use super::{assert_not_called, awaiting_retry};
use crate::support::{
    HOUR,
    api::{API, assert_success, get, rejection, rejection_with, settle, success, token_of, warm},
};

const SECOND: Duration = Duration::from_secs(1);
/// Keeps a broken test from hanging; nothing is measured with it.
const SAFETY_NET: Duration = Duration::from_secs(60);

type HeldBody = BoxBody<Bytes, std::convert::Infallible>;

/// Lets ten calls through at once, of which each lasts until its response's body is gone.
struct Bulkhead {
    permits: Arc<Semaphore>,
    acquiring: Option<BoxFuture<'static, OwnedSemaphorePermit>>,
    permit: Option<OwnedSemaphorePermit>,
}

// === impl Bulkhead ===

impl Bulkhead {
    fn new(permits: Arc<Semaphore>) -> Self {
        Self { permits, acquiring: None, permit: None }
    }
}

impl Clone for Bulkhead {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.permits))
    }
}

impl Service<Request<Full<Bytes>>> for Bulkhead {
    type Response = Response<HeldBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<HeldBody>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.permit.is_none() {
            let acquire = Arc::clone(&self.permits).acquire_owned();
            let acquiring = self.acquiring.get_or_insert_with(|| {
                Box::pin(async { acquire.await.expect("the semaphore is not closed") })
            });
            self.permit = Some(ready!(acquiring.as_mut().poll(cx)));
            self.acquiring = None;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let permit = self.permit.take().expect("called without having become ready");
        Box::pin(async move {
            sleep(SECOND).await;
            let rejected = token_of(request.headers()) == Some("token-1");
            let response = if rejected { rejection() } else { success() };
            Ok(response.map(|body| {
                body.map_frame(move |frame| {
                    let _held = &permit;
                    frame
                })
                .boxed()
            }))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn permits_in_the_bodies_of_401s_are_free_for_the_retries() {
    let (layer, source) = warm().await;
    let service = layer.layer(Bulkhead::new(Arc::new(Semaphore::new(10))));
    let calls = (0..10).map(|_| async {
        let response = service.clone().oneshot(get(API)).await.unwrap();
        assert_success(&response);
        response.into_body().collect().await.unwrap().to_bytes()
    });
    let bodies = timeout(SAFETY_NET, join_all(calls)).await.expect("no one waits for itself");
    assert_eq!(bodies, ["welcome"; 10]);
    assert_eq!(source.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_readiness_error_after_a_second_is_the_answer() {
    let (layer, _) = warm().await;
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    sleep(2 * SECOND).await;
    assert!(call.is_woken());
    assert_pending!(call.poll());
    handle.send_error("broken");
    assert_eq!(assert_ready_err!(call.poll()).to_string(), "broken");
}

#[tokio::test(start_paused = true)]
async fn a_token_error_after_the_401_was_dropped_is_the_answer() {
    let (layer, source) = warm().await;
    let (mut call, mut handle) = awaiting_retry(&layer).await;
    sleep(2 * HOUR).await;
    assert_pending!(call.poll());
    source.clone().then_error(TokenErrorKind::Rejected);
    handle.allow(1);
    assert_pending!(call.poll());
    settle().await;
    let error = assert_ready_err!(call.poll());
    let error = error.downcast_ref::<TokenError>().unwrap();
    assert_eq!(error.kind(), TokenErrorKind::Rejected);
    assert_not_called(&mut handle);
}

/// One HTTP/1.1 connection, ready when the response before has been read.
#[derive(Clone)]
struct Connection(Arc<Mutex<http1::SendRequest<Full<Bytes>>>>);

// === impl Connection ===

impl Connection {
    /// Connects to a server that answers `token-1` with a `401` whose body has 20 KB, and keeps the connection.
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let answer = service_fn(async |request: Request<Incoming>| {
            let rejected = token_of(request.headers()) == Some("token-1");
            Ok::<_, BoxError>(if rejected {
                rejection_with(Full::from(vec![b'x'; 20_000]))
            } else {
                success()
            })
        });
        tokio::spawn(server::conn::http1::Builder::new().serve_connection(TokioIo::new(accepted), answer));
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(Arc::new(Mutex::new(sender)))
    }
}

impl Service<Request<Full<Bytes>>> for Connection {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.lock().unwrap().poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        Box::pin(self.0.lock().unwrap().send_request(request))
    }
}

#[tokio::test]
async fn on_one_connection_20_kb_of_a_401_do_not_block_the_retry() {
    let (layer, _) = warm().await;
    let service = layer.layer(Connection::open().await);
    let response = timeout(SAFETY_NET, service.oneshot(get("/"))).await.expect("no one waits for itself");
    assert_eq!(response.unwrap().status(), StatusCode::OK);
}
