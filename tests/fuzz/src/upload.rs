//! A request body, how its two attempts are read, and what each must show.

use std::{
    cell::RefCell,
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use arbitrary::Arbitrary;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, SizeHint};
use http_body_util::Full;
use tokio::sync::oneshot;
use tower::Service;
use tower_sinch_auth::{BoxError, ReplayBody};

use crate::body::{Piece, Script};

/// What bodies are cut from: no two pieces of it are alike.
static TEXT: [u8; 2048] = {
    let mut text = [0; 2048];
    let mut at = 0;
    while at < text.len() {
        text[at] = (at % 251 + at / 251) as u8;
        at += 1;
    }
    text
};
/// The most pieces of a body.
const MAX_PIECES: usize = 16;

/// A request body.
#[derive(Arbitrary, Debug)]
pub struct Upload {
    frames: Vec<Frame>,
    end: End,
    hint: Hint,
    tells_end: bool,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Frame {
    Data(u8),
    Empty,
    Pending,
}

/// How a body ends.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// After its data.
    Plain,
    /// With trailers.
    Trailers,
    /// With an error.
    Error,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Hint {
    Absent,
    Exact,
    AtLeast(u8),
    /// More than there is, or less.
    Wrong(u8),
}

/// Someone who reads the body of an attempt.
#[derive(Debug)]
pub struct Reader {
    body: ReplayBody<Script>,
    upload: Rc<Upload>,
    /// How many bytes were read.
    pub read: usize,
    /// How it ended.
    pub end: Option<Result<End, BoxError>>,
    trailers: bool,
    /// Another attempt has taken over: what this one says of itself does not matter any more.
    pub superseded: bool,
}

/// The requests that a [`Held`] service was called with.
pub type Calls = Rc<RefCell<VecDeque<(ReplayBody<Script>, Respond)>>>;
/// How a call is answered.
pub type Respond = oneshot::Sender<Result<Response<Full<Bytes>>, BoxError>>;

/// Hands its calls over.
#[derive(Clone, Debug, Default)]
pub struct Held(pub Calls);

// === impl Upload ===

impl Upload {
    /// Makes the body.
    pub fn body(&self) -> Script {
        let mut at = 0;
        let mut pieces: Vec<Piece> = self.frames().map(|frame| self.piece(frame, &mut at)).collect();
        match self.end {
            End::Plain => {}
            End::Trailers => pieces.push(Piece::Trailers(trailers())),
            End::Error => pieces.push(Piece::Error),
        }
        let mut hint = SizeHint::new();
        let length = at as u64;
        match self.hint {
            Hint::Absent => {}
            Hint::Exact => hint.set_exact(length),
            Hint::AtLeast(less) => hint.set_lower(length.saturating_sub(less.into())),
            Hint::Wrong(length) => hint.set_exact(length.into()),
        }
        Script::new(pieces).hinting(hint).telling(self.tells_end)
    }

    /// All its data.
    pub fn data(&self) -> &'static [u8] {
        let length = self.frames().map(length_of).sum();
        TEXT.get(..length).expect("few enough pieces")
    }

    /// Whether what it says of its size is true.
    pub fn is_honest(&self) -> bool {
        !matches!(self.hint, Hint::Wrong(_))
    }

    /// How it ends.
    pub fn end(&self) -> End {
        self.end
    }

    fn frames(&self) -> impl Iterator<Item = Frame> + '_ {
        self.frames.iter().copied().take(MAX_PIECES)
    }

    fn piece(&self, frame: Frame, at: &mut usize) -> Piece {
        let start = *at;
        *at += length_of(frame);
        match frame {
            Frame::Pending => Piece::Pending,
            Frame::Data(_) | Frame::Empty => {
                Piece::Data(Bytes::from_static(TEXT.get(start..*at).expect("few enough pieces")))
            }
        }
    }
}

/// At most 127, so that [`TEXT`] is long enough.
fn length_of(frame: Frame) -> usize {
    match frame {
        Frame::Data(length) => usize::from(length >> 1),
        Frame::Empty | Frame::Pending => 0,
    }
}

// === impl Reader ===

impl Reader {
    /// Reads `body`, which must be that of `upload`.
    pub fn new(body: ReplayBody<Script>, upload: &Rc<Upload>) -> Self {
        Self { body, upload: Rc::clone(upload), read: 0, end: None, trailers: false, superseded: false }
    }

    /// Polls the body once, unless it is at its end, and compares what it shows.
    pub fn poll(&mut self, cx: &mut Context<'_>) {
        if self.end.is_some() {
            return;
        }
        self.check_promises();
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            return;
        };
        let frame = match frame {
            None => return self.end = Some(Ok(if self.trailers { End::Trailers } else { End::Plain })),
            Some(Err(error)) => return self.end = Some(Err(error)),
            Some(Ok(frame)) => frame,
        };
        assert!(!self.trailers, "a frame behind the trailers");
        match frame.into_data() {
            Ok(data) => {
                let rest = self.upload.data().get(self.read..).expect("no more than there is");
                assert!(rest.starts_with(&data), "other data at {}: {data:?}", self.read);
                self.read += data.len();
            }
            Err(frame) => {
                assert_eq!(frame.into_trailers().ok(), Some(trailers()));
                self.trailers = true;
            }
        }
    }

    /// Reads to the end, and says so if that is not the whole body.
    pub fn finish(&mut self, cx: &mut Context<'_>) {
        for _ in 0..4 * MAX_PIECES {
            self.poll(cx);
        }
        match (&self.end, self.upload.end()) {
            (Some(Err(error)), End::Error) => assert_eq!(error.to_string(), "the body is torn"),
            (Some(Ok(end)), expected) => assert_eq!(*end, expected),
            (end, expected) => panic!("{end:?} instead of {expected:?}"),
        }
        assert_eq!(self.read, self.upload.data().len(), "not all of the body");
    }

    /// What a body says of its size and its end must be true.
    fn check_promises(&self) {
        if self.superseded || !self.upload.is_honest() {
            return;
        }
        let left = (self.upload.data().len() - self.read) as u64;
        let hint = self.body.size_hint();
        assert!(hint.lower() <= left, "{hint:?} of {left}");
        assert!(hint.upper().is_none_or(|upper| upper >= left), "{hint:?} of {left}");
        if self.body.is_end_stream() {
            assert_eq!(left, 0, "the end before the end");
            assert!(self.upload.end() == End::Plain || self.trailers, "the end before trailers or error");
        }
    }
}

// === impl Held ===

impl Service<Request<ReplayBody<Script>>> for Held {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<Script>>) -> Self::Future {
        let (respond, answer) = oneshot::channel();
        self.0.borrow_mut().push_back((request.into_body(), respond));
        Box::pin(async { answer.await? })
    }
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("x-checksum"), HeaderValue::from_static("abc"))])
}
