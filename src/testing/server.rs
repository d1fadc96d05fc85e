//! The server's tasks: connections, scripted answers, and which endpoint a request is for.

use std::{error::Error, fmt, future::pending, pin::pin, sync::Arc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
    time::sleep,
};

use super::{
    api,
    script::{self, Answer},
    state::{Endpoint, State},
    token_endpoint,
};

pub(super) const TOKEN_PATH: &str = "/oauth2/token";
const API_PATH: &str = "/v1/";
/// The most that is kept of a request's body.
const MAX_KEPT: usize = 64 * 1024;
/// How long no connection is accepted after one could not be, for want of file descriptors most likely.
const REST: Duration = Duration::from_millis(10);

/// A request of which everything has arrived.
pub(super) type Arrived = Request<Upload>;

pub(super) struct Upload {
    /// What came first, at most [`MAX_KEPT`].
    pub(super) kept: Bytes,
    pub(super) length: u64,
}

/// Makes hyper close the connection.
#[derive(Debug)]
struct Cut;

type Body = BoxBody<Bytes, Cut>;

/// Accepts connections until it is dropped; they end with it.
pub(super) async fn run(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                state.lock().counts.connections += 1;
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
            Err(_) => sleep(REST).await,
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Small answers should not wait for each other; without it they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &state));
    // A client that goes away is nothing to report.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, state: &State) -> Result<Response<Body>, Cut> {
    let endpoint = match request.uri().path() {
        TOKEN_PATH => Endpoint::Token,
        path if path.starts_with(API_PATH) => Endpoint::Api,
        _ => {
            receive(request).await?;
            return whole(script::empty(StatusCode::NOT_FOUND));
        }
    };
    let _arrived = state.arrived(endpoint);
    let request = receive(request).await?;
    let (answer, latency) = {
        let mut known = state.lock();
        let rules = known.rules(endpoint);
        (rules.next(), rules.latency)
    };
    if !latency.is_zero() {
        sleep(latency).await;
    }
    match (answer, endpoint) {
        (Answer::AsSinch, Endpoint::Token) => whole(token_endpoint::respond(&request, state)),
        (Answer::AsSinch, Endpoint::Api) => whole(api::respond(&request, state)),
        (Answer::Unauthorized, Endpoint::Token) => whole(token_endpoint::invalid_client()),
        (Answer::Unauthorized, Endpoint::Api) => whole(api::unauthorized(&request, state)),
        (Answer::Response(response), _) => whole(response),
        (Answer::Hang, _) => pending().await,
        (Answer::Close, _) => Err(Cut),
        (Answer::Tear, _) => Ok(torn()),
    }
}

/// Reads all of a request, and keeps the first of its body.
async fn receive(request: Request<Incoming>) -> Result<Arrived, Cut> {
    let (head, body) = request.into_parts();
    let mut body = pin!(body);
    let mut kept = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Cut)?.into_data() {
            length += data.len() as u64;
            let room = MAX_KEPT - kept.len();
            kept.extend_from_slice(data.take(room).chunk());
        }
    }
    let upload = Upload { kept: kept.freeze(), length };
    Ok(Request::from_parts(head, upload))
}

fn whole(response: Response<Bytes>) -> Result<Response<Body>, Cut> {
    Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed()))
}

/// A response that ends before it is complete.
fn torn() -> Response<Body> {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(br#"{"access_token":"eyJ"#)))]);
    let cut = stream::once(async {
        // What comes before is written when the connection's task has nothing else to do.
        yield_now().await;
        Err(Cut)
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(first.chain(cut))));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1024"));
    response
}

// === impl Cut ===

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script cuts the connection here")
    }
}

impl Error for Cut {}
