//! What the bounds promise, checked when this compiles: nothing is asked for that is not needed.

use std::{
    cell::Cell,
    convert::Infallible,
    fmt::Debug,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Full, combinators::UnsyncBoxBody};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::{Layer, Service, ServiceExt, util::BoxCloneSyncService};
use tower_sinch_auth::{
    AccessToken, ApplicationKey, Audience, AudienceError, BodyLimitError, BoxError, BufferBody, CloneBody,
    IssuedToken, NoReplay, ReplayBody, RequestAuth, SignedRequest, SignedRequestLayer, SigningError,
    SinchAuth, SinchAuthLayer, TokenError, TokenRefresher, TokenStatus,
    future::ResponseFuture,
    testing::{MemoryStore, check_store},
};

use crate::support::api::{API, MockApi, assert_success, scripted, success, upload};

fn is_send<T: Send>(_: &T) {}
fn is_service<S: Service<Request<B>, Error = BoxError>, B>(_: &S) {}
fn is_everything<T: Clone + Debug + Send + Sync + Unpin + 'static>() {}
fn is_an_error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn what_is_shared_can_be_shared_and_shown() {
    is_everything::<SinchAuthLayer>();
    is_everything::<SinchAuthLayer<BufferBody>>();
    is_everything::<SinchAuthLayer<NoReplay>>();
    is_everything::<TokenRefresher>();
    is_everything::<AccessToken>();
    is_everything::<IssuedToken>();
    is_everything::<TokenStatus>();
    is_everything::<Audience>();
    is_everything::<RequestAuth>();
    is_everything::<MemoryStore>();
    is_everything::<SinchAuth<Client<HttpConnector, Full<Bytes>>, CloneBody>>();
    is_everything::<ApplicationKey>();
    is_everything::<SignedRequestLayer>();
    is_everything::<SignedRequest<Client<HttpConnector, Full<Bytes>>>>();
    is_an_error::<TokenError>();
    is_an_error::<AudienceError>();
    is_an_error::<BodyLimitError>();
    is_an_error::<SigningError>();
}

#[test]
fn a_store_can_be_checked_in_a_task() {
    is_send(&check_store(&MemoryStore::new()));
}

/// A body that is `Send`, and neither `Clone` nor `Sync`.
#[derive(Default)]
struct Unsync(Cell<Option<Bytes>>);

impl Unsync {
    fn new() -> Self {
        Self(Cell::new(Some(Bytes::from_static(b"unsync"))))
    }
}

impl Body for Unsync {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_needs_to_be_neither_clone_nor_sync_with_buffer_body() {
    let (layer, _) = scripted();
    let api = MockApi::rejecting(&["token-1"]);
    let service = layer.replay(BufferBody::up_to(64)).layer(api.clone());
    let call = service.oneshot(upload(Unsync::new()));
    is_send(&call);
    assert_success(&tokio::spawn(call).await.unwrap().unwrap());
    assert_eq!(api.received()[1].body, "unsync");
}

#[tokio::test(start_paused = true)]
async fn a_body_needs_to_be_neither_clone_nor_sync_with_no_replay() {
    let (layer, _) = scripted();
    let service = layer.replay(NoReplay).layer(MockApi::rejecting(&[]));
    let call = service.oneshot(upload(Unsync::new()));
    is_send(&call);
    assert_success(&call.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_clone_needs_not_be_sync() {
    #[derive(Clone)]
    struct Text(PhantomData<Cell<u8>>);
    let (layer, _) = scripted();
    let inner = tower::service_fn(async |_: Request<Text>| Ok::<_, Infallible>(success()));
    let call = layer.layer(inner).oneshot(upload(Text(PhantomData)));
    is_send(&call);
    assert_success(&call.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn futures_of_the_inner_service_need_not_be_sync() {
    let (layer, _) = scripted();
    let inner = tower::service_fn(|_: Request<Full<Bytes>>| {
        let unsync = Cell::new(0);
        async move {
            unsync.set(1);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(Unsync::default()))
        }
    });
    let call = layer.layer(inner).oneshot(upload(Full::default()));
    is_send(&call);
    assert_success(&call.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_a_request_becomes_can_be_shown() {
    let (layer, _) = scripted();
    let inner = tower::service_fn(async |request: Request<ReplayBody<Unsync>>| {
        let shown = format!("{:?}", request.body());
        assert!(shown.starts_with("ReplayBody"), "{shown}");
        Ok::<_, Infallible>(success())
    });
    let call = layer.replay(BufferBody::up_to(64)).layer(inner).call(upload(Unsync::new()));
    let shown = format!("{call:?}");
    assert!(shown.starts_with("ResponseFuture"), "{shown}");
    assert_success(&call.await.unwrap());
}

#[test]
fn a_service_shows_its_settings_as_its_layer_does() {
    let layer = scripted().0.max_wait(Duration::from_secs(1));
    let shown = format!("{layer:?}");
    let settings = shown.strip_prefix("SinchAuthLayer").unwrap();
    assert!(settings.contains("max_wait: Some(1s)"), "{settings}");
    let service = format!("{:?}", layer.layer(()));
    assert!(service.contains(settings), "{service}");
}

#[tokio::test(start_paused = true)]
async fn an_inner_service_that_is_not_send_runs_on_a_local_set() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let (layer, _) = scripted();
            let calls = Rc::new(Cell::new(0));
            let counted = Rc::clone(&calls);
            let inner = tower::service_fn(move |request: Request<ReplayBody<LocalBody>>| {
                counted.set(counted.get() + 1);
                let first = counted.get() == 1;
                async move {
                    let _request = request;
                    Ok::<_, Infallible>(if first { crate::support::api::rejection() } else { success() })
                }
            });
            let service = layer.replay(BufferBody::up_to(64)).layer(inner);
            let call = service.oneshot(upload(LocalBody(Rc::new(()))));
            assert_success(&tokio::task::spawn_local(call).await.unwrap().unwrap());
            assert_eq!(calls.get(), 2);
        })
        .await;
}

/// Which of the two implementations applies to a type that is `Send` cannot be inferred: then this does not compile.
trait NotSend<Why> {
    const CHECKED: () = ();
}

impl<T> NotSend<()> for T {}
impl<T: Send> NotSend<Infallible> for T {}

/// An inner service that is `Send`, with a future that is not.
#[derive(Clone)]
struct LocalFuture;

impl Service<Request<Full<Bytes>>> for LocalFuture {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<Full<Bytes>>) -> Self::Future {
        Box::pin(async { Ok(success()) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_future_is_send_only_if_the_inner_services_is() {
    type Call = ResponseFuture<LocalFuture, CloneBody, Full<Bytes>, Full<Bytes>>;
    const { <Call as NotSend<_>>::CHECKED };
    let (layer, _) = scripted();
    assert_success(&layer.layer(LocalFuture).oneshot(upload(Full::default())).await.unwrap());
}

/// A body that is not `Send`.
struct LocalBody(#[expect(dead_code, reason = "is there not to be `Send`")] Rc<()>);

impl Body for LocalBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

/// An inner service with any error.
fn failing_with<E>()
-> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = E, Future: Send> + Clone {
    tower::service_fn(async |_| Ok(success()))
}

#[tokio::test(start_paused = true)]
async fn inner_errors_may_be_whatever_converts() {
    let (layer, _) = scripted();
    is_service(&layer.layer(failing_with::<BoxError>()));
    is_service(&layer.layer(failing_with::<Infallible>()));
    is_service(&layer.layer(failing_with::<legacy::Error>()));
    is_service(&layer.layer(failing_with::<hyper::Error>()));
    is_service(&layer.layer(failing_with::<&'static str>()));
}

/// As axum's: boxed, `Send`, not `Sync`.
type AxumBody = UnsyncBoxBody<Bytes, BoxError>;

#[tokio::test(start_paused = true)]
async fn hyper_utils_client_takes_the_replay_body_of_axums_body() {
    fn is_client_body<B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static>() {}
    is_client_body::<ReplayBody<AxumBody>>();

    let client: Client<_, ReplayBody<AxumBody>> = Client::builder(TokioExecutor::new()).build_http();
    let (layer, _) = scripted();
    let service = layer.replay(BufferBody::up_to(64)).layer(client);
    is_service::<_, AxumBody>(&service);
    is_send(&service.clone().oneshot(upload(AxumBody::default())));
    let _boxed: BoxCloneSyncService<Request<AxumBody>, _, _> = BoxCloneSyncService::new(service);
}

#[tokio::test(start_paused = true)]
async fn the_layer_needs_no_runtime_to_be_built_or_cloned() {
    let service = std::thread::spawn(|| {
        let (layer, _) = scripted();
        let service = layer.layer(MockApi::rejecting(&[]));
        (service.clone(), service).0
    })
    .join()
    .unwrap();
    assert_success(
        &service.oneshot(Request::get(API).body(Full::<Bytes>::default()).unwrap()).await.unwrap(),
    );
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_is_an_inner_service_and_takes_axums_body() {
    let handler =
        |headers: http::HeaderMap| async move { headers["authorization"].to_str().unwrap().to_owned() };
    let router = axum::Router::new().route("/v1/x", axum::routing::any(handler));
    let (layer, _) = scripted();
    for _ in 0..2 {
        let service = layer.clone().replay(BufferBody::up_to(1024)).layer(router.clone());
        let request = Request::post("/v1/x").body(axum::body::Body::from("a body")).unwrap();
        let response = service.oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(body, "Bearer token-1");
    }
}
