//! Bodies of any frames, rejected at any point: the retry sends what the first attempt did, and little memory is held.

use std::sync::LazyLock;

use allocation_counter::measure;
use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof},
    proptest,
};
use tokio::runtime::Builder;
use tower_sinch_auth::BoxError;

use super::{Play, Reader, memory::bound};
use crate::support::api::trailers;

const TORN: &str = "the body is torn";
const MAX_FRAMES: usize = 40;
const MAX_FRAME: usize = 70_000;
/// What bodies are cut from: no two places near each other look alike.
static TEXT: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..MAX_FRAMES * MAX_FRAME).map(|at| (at % 251 + at / 251 % 241) as u8).collect());

/// A body, and how far the first attempt reads it.
#[derive(Clone, Debug)]
struct Upload {
    /// The length of each frame, and that of the buffer around it.
    frames: Vec<(usize, usize)>,
    end: End,
    cap: usize,
    /// Out of 256.
    read: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Plain,
    Trailers,
    Error,
}

// === impl Upload ===

impl Upload {
    fn any() -> impl Strategy<Value = Self> {
        let len = prop_oneof![Just(0), 0..10usize, 0..300usize, 0..10_000usize];
        let around = prop_oneof![Just(0), 0..4_096usize, 0..40_000usize];
        // Large frames are shared, with what is around them.
        let frame = prop_oneof![15 => (len, around), 1 => (60_000..MAX_FRAME, Just(0))];
        let frames = proptest::collection::vec(frame, 0..MAX_FRAMES);
        let end = prop_oneof![Just(End::Plain), Just(End::Trailers), Just(End::Error)];
        let cap = prop_oneof![0..1_000usize, 0..300_000usize, Just(usize::MAX)];
        (frames, end, cap, any::<u8>()).prop_map(|(frames, end, cap, read)| Self { frames, end, cap, read })
    }

    /// Gives out the frames, each of which is made when it is read.
    fn body(&self) -> impl Body<Data = Bytes, Error = BoxError> + Send + use<> {
        let mut at = 0;
        let data = self.frames.clone().into_iter().map(move |(len, around)| {
            let start = at;
            at += len;
            Ok(Frame::data(slice(start, len, around)))
        });
        let end = match self.end {
            End::Plain => None,
            End::Trailers => Some(Ok(Frame::trailers(trailers()))),
            End::Error => Some(Err(TORN.into())),
        };
        StreamBody::new(futures::stream::iter(data.chain(end)))
    }

    fn len(&self) -> usize {
        self.frames.iter().map(|(len, _)| len).sum()
    }

    /// How often the first attempt polls its body.
    fn polls(&self) -> usize {
        (self.frames.len() + 2) * usize::from(self.read) / 256
    }

    async fn play(&self) {
        LazyLock::force(&TEXT);
        let mut play = Play::start(self.body(), self.cap).await;
        let (mut first, respond) = play.first();
        let (mut read, mut torn) = (Read::default(), false);
        let held = measure(|| {
            for _ in 0..self.polls() {
                torn |= read.poll(&mut first);
            }
        });
        if torn || read.len > self.cap {
            // What is left is the error, at most.
            assert!(held.bytes_current < 512, "{} bytes are held for nothing", held.bytes_current);
            return play.assert_not_retried(respond).await;
        }
        // Room is made for as much again.
        let bound = bound(self.cap.min(2 * read.len + 256));
        assert!(held.bytes_current <= bound, "{} bytes are held, more than {bound}", held.bytes_current);
        let mut second = play.reject(respond).await.expect("a retry");
        let mut retried = Read::default();
        let torn = std::iter::repeat_with(|| retried.poll(&mut second)).take_while(|torn| !torn);
        let _frames = torn.take(self.frames.len() + 3).count();
        assert_eq!(retried.len, self.len());
        assert_eq!(retried.end, Some(self.end));
    }
}

/// `len` bytes of the text from `start` on, in a buffer with so much more `around`.
fn slice(start: usize, len: usize, around: usize) -> Bytes {
    let mut buffer = TEXT[start..start + len].to_vec();
    buffer.resize(len + around, 0);
    Bytes::from(buffer).slice(..len)
}

/// What was read of a body.
#[derive(Debug, Default)]
struct Read {
    len: usize,
    end: Option<End>,
}

// === impl Read ===

impl Read {
    /// Polls the body once, compares what it shows, and returns whether it failed.
    #[track_caller]
    fn poll<B>(&mut self, reader: &mut Reader<B>) -> bool
    where
        B: Body<Error = BoxError>,
    {
        if matches!(self.end, Some(End::Plain | End::Error)) {
            return false;
        }
        match reader.poll_frame() {
            None => self.end = self.end.or(Some(End::Plain)),
            Some(Err(error)) => {
                assert_eq!(error.to_string(), TORN);
                self.end = Some(End::Error);
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    assert_eq!(self.end, None, "data behind the trailers");
                    assert!(TEXT[self.len..].starts_with(&data), "other data from {} on", self.len);
                    self.len += data.len();
                }
                Err(frame) => {
                    assert_eq!(frame.into_trailers().unwrap(), trailers());
                    self.end = Some(End::Trailers);
                }
            },
        }
        self.end == Some(End::Error)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_retry_repeats_the_first_attempt_within_the_cap(upload in Upload::any()) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(upload.play());
    }
}
