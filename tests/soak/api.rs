//! [`Api`]: a server that is no part of the crate. It takes calls with a live token, misbehaves as the phase says, and
//! enters all it sees in the [`Book`].

use std::{
    error::Error,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    net::Ipv4Addr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use fastrand::Rng;
use futures::stream;
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet, yield_now},
    time::sleep,
};

use crate::{
    book::{Answer, BodySeen, Book, Sending},
    misbehaviour::{Act, Kind, Mood, Plan},
    tokens::{Standing, Tokens},
    upload::{Digest, TRAILER},
};

/// The call's number, in a header of the request.
pub(crate) const CALL: HeaderName = HeaderName::from_static("x-soak-call");

/// One server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Api {
    port: u16,
    server: AbortHandle,
}

/// What the servers go by, and where they enter what they see.
#[derive(Debug)]
pub(crate) struct Court {
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) book: Arc<Book>,
    pub(crate) mood: Mood,
    pub(crate) seed: u64,
    /// Open right now.
    pub(crate) connections: AtomicU64,
}

/// One request, and what is to be done with it.
struct Arrived<'a> {
    court: &'a Court,
    call: u64,
    /// Which sending of the call this is.
    number: usize,
    token: Option<&'a HeaderValue>,
    refuses: bool,
    plan: Plan,
    rng: Rng,
}

/// Counts a connection as open until dropped.
struct Open<'a>(&'a AtomicU64);

/// Makes hyper close the connection.
#[derive(Debug)]
struct Cut;

type Body = BoxBody<Bytes, Cut>;

/// Challenges of a 401 about the token, in some of the shapes that Sinch documents.
const CHALLENGES: [&str; 4] = [
    r#"Bearer error="invalid_token", error_description="Jwt expired at 2024-07-08T22:12:28Z""#,
    r#"Bearer realm="sinch", error="invalid_token", error_description="expired""#,
    r#"Basic realm="Realm""#,
    "",
];

const OUT_OF_SCOPE: &str = r#"Bearer error="insufficient_scope""#;
/// The share of 401s, in percent, that come before the body has been read.
const EARLY: u8 = 30;

// === impl Api ===

impl Api {
    /// Starts a server; in the phases in which one refuses all tokens, it is the one that `refuses`.
    pub(crate) async fn start(court: Arc<Court>, refuses: bool) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                        connections.spawn(serve(stream, Arc::clone(&court), refuses));
                    },
                    // At once, lest what has ended counts as growth.
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Self { port, server: server.abort_handle() })
    }

    pub(crate) fn uri(&self, call: u64) -> Uri {
        let uri = format!("http://127.0.0.1:{}/v1/calls/{call}?soak=yes", self.port);
        uri.parse().expect("a URI")
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // The connections are the server task's, and end with it.
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, court: Arc<Court>, refuses: bool) {
    let _open = Open::new(&court.connections);
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &court, refuses));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, court: &Court, refuses: bool) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let Some(call) = head.headers.get(CALL).and_then(|call| call.to_str().ok()?.parse().ok()) else {
        return Ok(empty(StatusCode::BAD_REQUEST));
    };
    let mut arrived = Arrived::new(&head, court, call, refuses);
    if arrived.plan.act == Act::Unauthorized && arrived.rng.u8(..100) < EARLY {
        let mut response = arrived.refuse(true);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Ok(response);
    }
    let digest = read(body).await?;
    let delay = arrived.plan.delay;
    court.book.update(call, arrived.number, |sending| {
        sending.body = BodySeen::Whole(digest);
        sending.delayed = !delay.is_zero();
    });
    if !delay.is_zero() {
        sleep(delay).await;
    }
    arrived.answer(digest)
}

// === impl Arrived ===

impl<'a> Arrived<'a> {
    fn new(head: &'a Parts, court: &'a Court, call: u64, refuses: bool) -> Self {
        let token = head.headers.get(AUTHORIZATION);
        let standing = token.map_or(Standing::Unknown, |token| court.tokens.standing(token, Instant::now()));
        let number = court.book.arrived(call, sending(head, standing));
        let mut rng = Rng::with_seed(court.seed ^ call.rotate_left(20) ^ number as u64);
        let mut plan = court.mood.get().plan(&mut rng, refuses);
        if !matches!(standing, Standing::Live(_)) && !matches!(plan.act, Act::Cut | Act::Status(_)) {
            plan.act = Act::Unauthorized;
        }
        Self { court, call, number, token, refuses, plan, rng }
    }

    fn answer(mut self, digest: u64) -> Result<Response<Body>, Cut> {
        // A server that refuses does not let through what it took its time for.
        let refuses = self.refuses && self.court.mood.get() == Kind::Refusing;
        let (answer, response) = match self.plan.act {
            Act::Unauthorized => return Ok(self.refuse(false)),
            Act::Serve if refuses => return Ok(self.refuse(false)),
            Act::Serve => (Answer::Served, Ok(Response::new(whole(receipt(self.call, digest))))),
            Act::OutOfScope => (Answer::OutOfScope, Ok(unauthorized(OUT_OF_SCOPE))),
            Act::Status(status) => (Answer::Status(status.as_u16()), Ok(empty(status))),
            Act::Tear => (Answer::Torn, Ok(torn())),
            Act::Cut => (Answer::Cut, Err(Cut)),
        };
        self.enter(answer);
        response
    }

    /// The 401 about the token, known to the judge before the client may know.
    fn refuse(&mut self, early: bool) -> Response<Body> {
        if let Some(token) = self.token {
            self.court.tokens.rejects(token);
        }
        self.enter(Answer::Unauthorized { early });
        unauthorized(self.rng.choice(CHALLENGES).unwrap_or_default())
    }

    fn enter(&self, answer: Answer) {
        self.court.book.update(self.call, self.number, |sending| sending.answer = Some(answer));
    }
}

/// What the API answers to `call` with a body of this digest: no other call has the same.
pub(crate) fn receipt(call: u64, digest: u64) -> Bytes {
    format!("{call} {digest:016x}").into()
}

fn sending(head: &Parts, standing: Standing) -> Sending {
    let mut hasher = DefaultHasher::new();
    (&head.method, &head.uri, head.version).hash(&mut hasher);
    for field in head.headers.iter().filter(|(name, _)| *name != AUTHORIZATION) {
        field.hash(&mut hasher);
    }
    Sending {
        headers: head.headers.get_all(AUTHORIZATION).iter().count(),
        token: match standing {
            Standing::Live(token) | Standing::Dead(token) => Some(token),
            Standing::Unknown => None,
        },
        head: hasher.finish(),
        body: BodySeen::Unread,
        answer: None,
        delayed: false,
    }
}

/// Reads all of the body.
async fn read(body: Incoming) -> Result<u64, Cut> {
    let mut body = pin!(body);
    let mut digest = Digest::default();
    let mut trailer = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|_| Cut)?.into_data() {
            Ok(data) => digest.data(&data),
            Err(frame) => trailer = frame.trailers_ref().and_then(|trailers| trailers.get(TRAILER).cloned()),
        }
    }
    Ok(digest.finish(trailer.as_ref()))
}

fn unauthorized(challenge: &'static str) -> Response<Body> {
    let mut response = empty(StatusCode::UNAUTHORIZED);
    if !challenge.is_empty() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response.map(|_| whole(Bytes::from_static(br#"{"error":"token expired"}"#)))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// A response that ends before it is complete.
fn torn() -> Response<Body> {
    let frames = stream::unfold(true, |first| async move {
        if first {
            return Some((Ok(Frame::data(Bytes::from_static(b"torn"))), false));
        }
        // What comes before is written when the connection's task has nothing else to do.
        yield_now().await;
        Some((Err(Cut), false))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("1024"));
    response
}

// === impl Open ===

impl<'a> Open<'a> {
    fn new(connections: &'a AtomicU64) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(connections)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Cut ===

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the phase cuts the connection here")
    }
}

impl Error for Cut {}
