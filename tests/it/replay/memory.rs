//! What a body that is recorded holds of memory beside the frames themselves, as bytes that this thread allocated.

use std::{convert::Infallible, iter::repeat_with};

use allocation_counter::measure;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use tokio_test::assert_ready;

use super::{Play, Reader, Shown};
use crate::support::api::success;

const KIB: usize = 1024;
const CAP: usize = 64 * KIB;

/// What may be held: the cap, and of each chunk its handle.
pub(super) fn bound(cap: usize) -> i64 {
    i64::try_from(cap + cap / 256 + KIB).unwrap()
}

/// `len` bytes that keep a buffer of `buffer` bytes alive.
pub(super) fn slice(len: usize, buffer: usize) -> Bytes {
    Bytes::from(vec![b'a'; len.max(buffer)]).slice(..len)
}

/// Gives out these frames, which are made when they are read.
fn body(
    frames: impl Iterator<Item = Frame<Bytes>> + Send + 'static,
) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    StreamBody::new(futures::stream::iter(frames.map(Ok)))
}

/// Frames of `len` bytes, each in a buffer of its own, as many as fit into `CAP`.
fn frames(len: usize, buffer: usize) -> impl Iterator<Item = Frame<Bytes>> {
    repeat_with(move || Frame::data(slice(len, buffer))).take(CAP / len)
}

/// Reads a first attempt to its end, and returns what is held then.
#[track_caller]
fn read<B>(first: &mut Reader<B>) -> i64
where
    B: Body<Error = Infallible>,
{
    let taken = measure(|| while !matches!(first.poll_frame(), None | Some(Err(_))) {});
    taken.bytes_current
}

/// Reads a body whose frames come to `len` bytes of data, and looks at what is held; the retry shows all of it.
async fn assert_is_held_within<B>(body: B, len: usize, bound: i64)
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    let held = read(&mut first);
    assert!(held <= bound, "{held} bytes are held of {len}, more than {bound}");
    let mut second = play.reject(respond).await.unwrap();
    let mut sent = 0;
    while let Some(Ok(frame)) = second.poll_frame() {
        sent += frame.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(sent, len);
}

#[tokio::test(start_paused = true)]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
async fn frames_of_one_byte_hold_no_more_than_the_cap() {
    assert_is_held_within(body(frames(1, 1)), CAP, bound(CAP)).await;
}

#[tokio::test(start_paused = true)]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
async fn frames_of_one_byte_do_not_retain_their_read_buffers() {
    assert_is_held_within(body(frames(1, 4 * KIB)), CAP, bound(CAP)).await;
}

#[tokio::test(start_paused = true)]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
async fn frames_below_64_kib_do_not_retain_their_read_buffers() {
    for len in [10, 100, 1_000, 4 * KIB, 10_000, CAP / 2 + 1, CAP - 1] {
        let frames = frames(len, 100 * KIB);
        assert_is_held_within(body(frames), CAP / len * len, bound(CAP)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_body_holds_little_whatever_the_cap() {
    let body = body(frames(1, 4 * KIB).take(10));
    assert_is_held_within(body, 10, KIB.try_into().unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_copied_is_dropped_with_the_answer() {
    let mut play = Play::start(body(frames(1_000, 1_000)), CAP).await;
    let (mut first, respond) = play.first();
    let left = measure(|| {
        assert!(read(&mut first) > 60_000);
        respond.send(Ok(success())).unwrap();
        drop(assert_ready!(play.answer.poll()).unwrap());
    });
    assert!(left.bytes_current < 1_000, "{} bytes", left.bytes_current);
}

#[tokio::test(start_paused = true)]
async fn what_was_copied_is_dropped_when_the_cap_is_passed() {
    let frames = frames(1_000, 1_000).chain(frames(1_000, 1_000).take(1));
    let play = Play::start(body(frames), CAP).await;
    let (mut first, respond) = play.first();
    let left = read(&mut first);
    assert!(left <= 0, "{left} bytes");
    play.assert_not_retried(respond).await;
}

/// So many fields, the value of each in a buffer of 4 KiB.
fn trailers(fields: usize, len: usize) -> HeaderMap {
    let field = |number| {
        let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
        (name, HeaderValue::from_maybe_shared(slice(len, 4 * KIB)).unwrap())
    };
    (0..fields).map(field).collect()
}

#[tokio::test(start_paused = true)]
async fn trailers_do_not_retain_their_read_buffers() {
    let mut play = Play::start(body(std::iter::once_with(|| Frame::trailers(trailers(120, 1)))), CAP).await;
    let (mut first, respond) = play.first();
    let held = read(&mut first);
    assert!(held <= 32 * 1024, "{held} bytes are held");
    let mut second = play.reject(respond).await.unwrap();
    second.assert_shows([Shown::Trailers(trailers(120, 1)), Shown::End]);
}

#[tokio::test(start_paused = true)]
async fn trailers_over_16_kib_are_sent_and_not_kept() {
    // About what a map takes for a field beside its value, the name `x-0` included.
    let field = 128 + 3;
    for (fields, len, fits) in [
        (4, 3 * KIB, true),
        (6, 3 * KIB, false),
        (99, 1, true),
        (2_000, 1, false),
        (1, 16 * KIB - field, true),
        (1, 16 * KIB - field + 1, false),
    ] {
        let mut play =
            Play::start(body(std::iter::once_with(move || Frame::trailers(trailers(fields, len)))), CAP)
                .await;
        let (mut first, respond) = play.first();
        first.assert_shows([Shown::Trailers(trailers(fields, len)), Shown::End]);
        if fits {
            let mut second = play.reject(respond).await.unwrap();
            second.assert_shows([Shown::Trailers(trailers(fields, len)), Shown::End]);
        } else {
            play.assert_not_retried(respond).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sensitive_trailer_is_still_sensitive_on_the_retry() {
    let mut value = HeaderValue::from_static("secret");
    value.set_sensitive(true);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("x-signature"), value)]);
    let mut play = Play::start(body(std::iter::once(Frame::trailers(trailers))), CAP).await;
    let (mut first, respond) = play.first();
    read(&mut first);
    let mut second = play.reject(respond).await.unwrap();
    let frame = second.poll_frame().unwrap().unwrap();
    assert!(frame.trailers_ref().unwrap()["x-signature"].is_sensitive());
}
