//! [`Upload`]: a request body of random bytes, all kinds in one type: whole or in pieces, of known length or not, with
//! pauses, with trailers.

use std::{
    collections::VecDeque,
    convert::Infallible,
    hash::{DefaultHasher, Hasher},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The trailer that some bodies end with, which a client sends only if it is announced.
pub(crate) const TRAILER: HeaderName = HeaderName::from_static("x-soak-trailer");

#[derive(Debug)]
pub(crate) struct Upload {
    frames: VecDeque<Bytes>,
    trailer: Option<HeaderValue>,
    /// Says its length, rather than to be sent in chunks.
    sized: bool,
    /// Between any two frames.
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
}

/// Takes a body in, and gives the number that two bodies have in common only if they are equal.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    hasher: DefaultHasher,
    length: usize,
}

// === impl Upload ===

impl Upload {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let length = match rng.u8(..100) {
            0..10 => 0,
            10..80 => rng.usize(1..2 * 1024),
            80..96 => rng.usize(2 * 1024..32 * 1024),
            _ => rng.usize(32 * 1024..160 * 1024),
        };
        let mut bytes = vec![0; length];
        rng.fill(&mut bytes);
        let mut rest = Bytes::from(bytes);
        let streamed = rng.u8(..100) < 30;
        let mut frames = VecDeque::new();
        while !rest.is_empty() {
            let most = rest.len();
            frames.push_back(rest.split_to(if streamed { rng.usize(1..=most) } else { most }));
        }
        let trailer = (streamed && rng.bool()).then(|| HeaderValue::from(rng.u64(..)));
        let sized = trailer.is_none() && (!streamed || rng.bool());
        let pause = if streamed && rng.u8(..100) < 20 {
            Duration::from_millis(rng.u64(1..5))
        } else {
            Duration::ZERO
        };
        Self { frames, trailer, sized, pause, pausing: None }
    }

    pub(crate) fn has_trailer(&self) -> bool {
        self.trailer.is_some()
    }

    pub(crate) fn length(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum()
    }

    pub(crate) fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        for frame in &self.frames {
            digest.data(frame);
        }
        digest.finish(self.trailer.as_ref())
    }
}

impl Clone for Upload {
    fn clone(&self) -> Self {
        let Self { frames, trailer, sized, pause, pausing: _ } = self;
        Self { frames: frames.clone(), trailer: trailer.clone(), sized: *sized, pause: *pause, pausing: None }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pausing) = &mut self.pausing {
            ready!(pausing.as_mut().poll(cx));
            self.pausing = None;
        }
        if let Some(data) = self.frames.pop_front() {
            if !self.pause.is_zero() {
                self.pausing = Some(Box::pin(sleep(self.pause)));
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let trailers = self.trailer.take().map(|value| HeaderMap::from_iter([(TRAILER, value)]));
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.trailer.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.sized { SizeHint::with_exact(self.length() as u64) } else { SizeHint::default() }
    }
}

// === impl Digest ===

impl Digest {
    pub(crate) fn data(&mut self, data: &[u8]) {
        // Byte by byte as far as the hasher is concerned: how the body was cut into frames must not matter.
        self.hasher.write(data);
        self.length += data.len();
    }

    pub(crate) fn finish(mut self, trailer: Option<&HeaderValue>) -> u64 {
        self.hasher.write_usize(self.length);
        self.hasher.write(trailer.map_or(b"none", |value| value.as_bytes()));
        self.hasher.finish()
    }
}
