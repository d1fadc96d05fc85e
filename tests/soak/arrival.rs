//! [`answer`]: what a server does with one request: it takes calls with a live token, misbehaves as the phase says, and
//! enters all it sees in the [`Book`](crate::book::Book).

use std::{
    error::Error,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    pin::pin,
    time::Instant,
};

use bytes::Bytes;
use fastrand::Rng;
use futures::stream;
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode, Version,
    header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, WWW_AUTHENTICATE},
    request::Parts,
};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Incoming;
use tokio::{task::yield_now, time::sleep};

use crate::{
    account::Rejected,
    api::Court,
    book::{Answer, BodySeen, Sending},
    misbehaviour::{Act, Plan},
    token::Standing,
    upload::{Digest, TRAILER},
};

/// The call's number, in a header of the request.
pub(crate) const CALL: HeaderName = HeaderName::from_static("x-soak-call");

/// One request, and what is to be done with it.
struct Arrived<'a> {
    court: &'a Court,
    api: usize,
    call: u64,
    /// Which sending of the call this is.
    number: usize,
    token: Option<&'a HeaderValue>,
    plan: Plan,
    rng: Rng,
}

/// Makes hyper close the connection, or reset the stream.
#[derive(Debug)]
pub(crate) struct Cut;

pub(crate) type Body = BoxBody<Bytes, Cut>;

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

pub(crate) async fn answer(
    request: Request<Incoming>,
    court: &Court,
    api: usize,
) -> Result<Response<Body>, Cut> {
    let (head, body) = request.into_parts();
    let Some(call) = head.headers.get(CALL).and_then(|call| call.to_str().ok()?.parse().ok()) else {
        return Ok(empty(StatusCode::BAD_REQUEST));
    };
    let mut arrived = Arrived::new(&head, court, api, call);
    if arrived.plan.act == Act::Unauthorized && arrived.rng.u8(..100) < EARLY {
        let mut response = arrived.refuse(true);
        if head.version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
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
    fn new(head: &'a Parts, court: &'a Court, api: usize, call: u64) -> Self {
        let token = head.headers.get(AUTHORIZATION);
        let standing = token.map_or(Standing::Unknown, |token| court.tokens.standing(token, api));
        let number = court.book.arrived(call, sending(head, standing));
        let mut rng = Rng::with_seed(court.seed ^ call.rotate_left(20) ^ number as u64);
        let mut plan = court.mood.get().plan(&mut rng, api);
        if !matches!(standing, Standing::Live(_)) && !matches!(plan.act, Act::Cut | Act::Status(_)) {
            plan.act = Act::Unauthorized;
        }
        Self { court, api, call, number, token, plan, rng }
    }

    fn answer(mut self, digest: u64) -> Result<Response<Body>, Cut> {
        // A server that refuses does not let through what it took its time for.
        let refuses = self.court.mood.get().refuses(self.api);
        let (answer, response) = match self.plan.act {
            Act::Unauthorized => return Ok(self.refuse(false)),
            Act::Serve if refuses => return Ok(self.refuse(false)),
            Act::Serve => (Answer::Served, Ok(Response::new(whole(receipt(self.call, digest))))),
            Act::OutOfScope => (Answer::OutOfScope, Ok(self.out_of_scope())),
            Act::Status(status) => (Answer::Status(status.as_u16()), Ok(empty(status))),
            Act::Tear => (Answer::Torn, Ok(torn())),
            Act::Cut => (Answer::Cut, Err(Cut)),
        };
        self.enter(answer);
        response
    }

    /// The 401 about the token.
    fn refuse(&mut self, early: bool) -> Response<Body> {
        let sending = if self.number == 0 { Rejected::First } else { Rejected::Again };
        self.reject(sending);
        self.enter(Answer::Unauthorized { early });
        unauthorized(self.rng.choice(CHALLENGES).unwrap_or_default())
    }

    fn out_of_scope(&self) -> Response<Body> {
        if self.number > 0 {
            self.reject(Rejected::Again);
        }
        unauthorized(OUT_OF_SCOPE)
    }

    fn reject(&self, sending: Rejected) {
        if let Some(token) = self.token {
            self.court.tokens.rejects(token, self.api, sending);
        }
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
    // HTTP/2 can leave out the length of a body that is empty.
    let means_nothing =
        |name: &HeaderName, value: &HeaderValue| *name == CONTENT_LENGTH && value.as_bytes() == b"0";
    let fields = head.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
    for field in fields.filter(|(name, value)| !means_nothing(name, value)) {
        field.hash(&mut hasher);
    }
    Sending {
        at: Instant::now(),
        headers: head.headers.get_all(AUTHORIZATION).iter().count(),
        token: match standing {
            Standing::Live(token) | Standing::Dead(token) => Some(token),
            Standing::Unknown => None,
        },
        live: matches!(standing, Standing::Live(_)),
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

// === impl Cut ===

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the phase cuts the connection here")
    }
}

impl Error for Cut {}
