//! The layer may be added anywhere in a stack: the same requests give the same result, whatever is over or under it.

mod body;
mod downcast;
mod limits;
mod redirect;

use std::{
    fmt::{Debug, Write},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::LOCATION};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::time::timeout;
use tower::{Service, ServiceExt};
use tower_sinch_auth::{Audience, OutsideAudience, SinchAuthLayer};

use crate::support::{
    HOUR,
    api::{MockApi, ReceivedRequest, rejection, scripted},
};

const HOST: &str = "https://numbers.api.sinch.com";
const ELSEWHERE: &str = "https://files.example.com/file";
/// Long enough to be worth compressing.
const UPLOAD: &str =
    "an upload that is long enough to be worth compressing, at least if it says so twice or more often";

/// What became of the sequence: each answer, then each request that the API saw.
const SEQUENCE: &str = "\
GET /cold 200 welcome
GET /warm 200 welcome
GET /healed 200 welcome
GET /twice 401 rejected
PUT /upload 200 uploaded
GET /redirect 302
-
GET /cold token-1
GET /warm token-1
GET /healed token-1
GET /healed token-2
GET /twice token-2
GET /twice token-3
PUT /upload token-3 uploaded
PUT /upload token-4 uploaded
GET /redirect token-4
";

/// [`SEQUENCE`], where something follows the redirect.
const SEQUENCE_FOLLOWED: (&str, &str) = ("GET /redirect 302\n", "GET /redirect 200 a file\n");
const FOLLOWED_TO: &str = "GET /file without a token\n";

/// An API for [`SEQUENCE`].
fn api() -> MockApi {
    MockApi::answering(|seen| match (seen.parts.uri.path(), seen.token()) {
        ("/healed", Some("token-1")) | ("/twice", _) | ("/upload", Some("token-3")) => rejection(),
        ("/upload", _) => Response::new(Full::from(seen.body.clone())),
        ("/redirect", _) => Response::builder()
            .status(StatusCode::FOUND)
            .header(LOCATION, ELSEWHERE)
            .body(Full::default())
            .unwrap(),
        ("/file", _) => Response::new(Full::from("a file")),
        _ => crate::support::api::success(),
    })
}

fn layer() -> SinchAuthLayer {
    let (layer, _) = scripted();
    layer.audience(Audience::sinch_apis()).outside_audience(OutsideAudience::Forward)
}

/// Sends the sequence through a stack of our layer and the API.
async fn observe<S, ResBody>(stack: impl FnOnce(SinchAuthLayer, MockApi) -> S) -> String
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>, Error: Debug>,
    ResBody: Body<Error: Debug>,
{
    let api = api();
    let mut service = stack(layer(), api.clone());
    let mut observed = String::new();
    for path in ["/cold", "/warm", "/healed", "/twice", "/upload", "/redirect"] {
        let request = request(path);
        let method = request.method().clone();
        let call = async { service.ready().await.unwrap().call(request).await.unwrap() };
        // A stack that waits for itself would wait for ever.
        let response = timeout(HOUR, call).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        writeln!(observed, "{}", format!("{method} {path} {status} {}", named(&body)).trim_end()).unwrap();
        // Longer than the back-off after `/twice`.
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    observed.push_str("-\n");
    for seen in api.received() {
        observed.push_str(&line(&seen));
    }
    observed
}

fn request(path: &str) -> Request<Full<Bytes>> {
    let (method, body) = match path {
        "/upload" => (Method::PUT, Full::from(UPLOAD)),
        _ => (Method::GET, Full::default()),
    };
    Request::builder().method(method).uri(format!("{HOST}{path}")).body(body).unwrap()
}

fn line(seen: &ReceivedRequest) -> String {
    let parts = &seen.parts;
    let token = seen.token().unwrap_or("without a token");
    let line = format!("{} {} {token} {}", parts.method, parts.uri.path(), named(&seen.body));
    format!("{}\n", line.trim_end())
}

fn named(body: &Bytes) -> &str {
    match std::str::from_utf8(body).unwrap() {
        UPLOAD => "uploaded",
        crate::support::api::REJECTED => "rejected",
        other => other,
    }
}

/// The sequence goes through this stack as it does through any other.
async fn assert_same<S, ResBody>(stack: impl FnOnce(SinchAuthLayer, MockApi) -> S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResBody>, Error: Debug>,
    ResBody: Body<Error: Debug>,
{
    assert_eq!(observe(stack).await, SEQUENCE);
}

#[tokio::test(start_paused = true)]
async fn alone() {
    assert_same(|auth, api| tower::ServiceBuilder::new().layer(auth).service(api)).await;
}
