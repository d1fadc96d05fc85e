//! The server's tasks: they accept connections, and answer as the script says.

use std::{error::Error, fmt, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinSet, yield_now},
    time::sleep,
};

#[cfg(feature = "signing")]
use super::signed_api;
use super::{
    answer::Answer,
    api,
    exchange::{Endpoint, Exchange},
    state::State,
    token_endpoint,
};

/// The server waits this long after a connection that it could not accept, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// The error of a body or a response that makes hyper close the connection.
#[derive(Debug)]
struct Cut;

type Body = BoxBody<Bytes, Cut>;

/// Accepts connections until the future is dropped. The connections end with it.
pub(super) async fn run(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                state.lock().tallies.count_connection();
                connections.spawn(serve(stream, Arc::clone(&state)));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    // Without it small answers wait for each other: they are late, not wrong.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &state));
    // The error of a client that goes away has no reader.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, state: &State) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let endpoint = Endpoint::at(head.uri.path());
    let key_id = endpoint.key_id(&head.headers);
    let _in_progress = state.begin(endpoint, key_id.clone());
    let exchange = Exchange::receive(head, key_id, body).await.map_err(|_| Cut)?;
    let (answer, latency) = state.lock().rules(endpoint).next();
    if !latency.is_zero() {
        sleep(latency).await;
    }
    match (answer, endpoint) {
        (Answer::AsSinch, Endpoint::Token) => whole(token_endpoint::respond(&exchange, state)),
        (Answer::AsSinch, Endpoint::Api) => whole(api::respond(&exchange, state)),
        #[cfg(feature = "signing")]
        (Answer::AsSinch, Endpoint::Signed) => whole(signed_api::respond(&exchange, state)),
        (Answer::Unauthorized, Endpoint::Token) => whole(token_endpoint::invalid_client()),
        (Answer::Unauthorized, Endpoint::Api) => whole(api::unauthorized(&exchange, state)),
        #[cfg(feature = "signing")]
        (Answer::Unauthorized, Endpoint::Signed) => whole(signed_api::unauthorized(&exchange, state)),
        (Answer::Response(response), _) => whole(response),
        (Answer::Hang, _) => pending().await,
        (Answer::Close, _) => Err(Cut),
        (Answer::Tear, _) => Ok(torn()),
    }
}

/// Sends a response as a whole.
fn whole(response: Response<Bytes>) -> Result<Response<Body>, Cut> {
    Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed()))
}

/// Builds a response that ends before it is complete.
fn torn() -> Response<Body> {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(br#"{"access_token":"eyJ"#)))]);
    let cut = stream::once(async {
        // hyper writes the first bytes when the connection's task has nothing else to do.
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
        f.write_str("the script closes the connection here")
    }
}

impl Error for Cut {}
