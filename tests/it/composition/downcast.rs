//! Errors of the inner stack come through us unwrapped: every downcast works as before.

use std::{error::Error, io, time::Duration};

use http_body_util::Full;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_test::{assert_pending, assert_ready_err, task};
use tower::{
    Layer, ServiceBuilder, ServiceExt, limit::ConcurrencyLimit, load_shed::error::Overloaded,
    timeout::error::Elapsed,
};
use tower_test::mock;

use crate::support::api::{API, get, rejection, scripted, settle, warm};

type Request = http::Request<Full<bytes::Bytes>>;
type Response = http::Response<Full<bytes::Bytes>>;

fn client() -> Client<HttpConnector, Full<bytes::Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

#[tokio::test(start_paused = true)]
async fn elapsed_of_a_timeout_under_us() {
    let (layer, _) = scripted();
    let (inner, _handle) = mock::pair::<Request, Response>();
    let service = ServiceBuilder::new().layer(layer).timeout(Duration::from_secs(1)).service(inner);
    let error = service.oneshot(get(API)).await.unwrap_err();
    assert!(error.is::<Elapsed>());
}

#[tokio::test(start_paused = true)]
async fn overloaded_of_a_load_shed_under_us() {
    let (layer, _) = warm().await;
    let (inner, mut handle) = mock::pair::<Request, Response>();
    handle.allow(0);
    let service = ServiceBuilder::new().layer(layer).load_shed().service(inner);
    let error = service.oneshot(get(API)).await.unwrap_err();
    assert!(error.is::<Overloaded>());
}

#[tokio::test(start_paused = true)]
async fn overloaded_of_the_retry_is_the_answer() {
    let (layer, _) = warm().await;
    let (inner, mut handle) = mock::pair::<Request, Response>();
    let limit = ConcurrencyLimit::new(inner, 1);
    let mut holder = limit.clone();
    let service = ServiceBuilder::new().layer(layer).load_shed().service(limit);
    let mut call = task::spawn(service.oneshot(get(API)));
    assert_pending!(call.poll());
    handle.next_request().await.unwrap().1.send_response(rejection());
    assert_pending!(call.poll());
    let ready = task::spawn(ServiceExt::<Request>::ready(&mut holder)).poll();
    assert!(ready.is_ready(), "the permit is taken");
    settle().await;
    assert!(assert_ready_err!(call.poll()).is::<Overloaded>());
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_users_own_under_us() {
    let (layer, _) = scripted();
    let inner =
        tower::service_fn(async |_: Request| Err::<Response, _>(io::Error::from(io::ErrorKind::BrokenPipe)));
    let error = layer.layer(inner).oneshot(get(API)).await.unwrap_err();
    let error = error.downcast_ref::<io::Error>().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test]
async fn connect_error_of_hyper_utils_client_under_us() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (layer, _) = scripted();
    let uri = format!("http://{address}/");
    let error = layer.layer(client()).oneshot(get(&uri)).await.unwrap_err();
    assert!(error.downcast_ref::<legacy::Error>().unwrap().is_connect());
}

#[tokio::test]
async fn hypers_error_of_a_cut_connection_under_us() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
    });
    let (layer, _) = scripted();
    let error = layer.layer(client()).oneshot(get(&uri)).await.unwrap_err();
    let error = error.downcast_ref::<legacy::Error>().unwrap();
    assert!(error.source().unwrap().is::<hyper::Error>());
}
