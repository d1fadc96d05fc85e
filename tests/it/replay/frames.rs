//! What the second attempt of a buffered body gives out, and what both say of themselves.

use std::{collections::VecDeque, convert::Infallible, marker::PhantomPinned, pin::Pin, task::Context};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use http_body_util::Full;

use super::{Play, Poll, Shown, data};
use crate::support::api::{BodyStep, ScriptedBody, trailers};

const CAP: usize = 64;

fn script() -> ScriptedBody {
    ScriptedBody::data(&["one", "two", "three"]).then(BodyStep::Trailers(trailers()))
}

fn whole() -> [Shown; 5] {
    [data("one"), data("two"), data("three"), Shown::Trailers(trailers()), Shown::End]
}

#[tokio::test(start_paused = true)]
async fn a_401_before_anything_was_read() {
    let mut play = Play::start(script(), CAP).await;
    let (_first, respond) = play.first();
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends(whole());
}

#[tokio::test(start_paused = true)]
async fn a_401_after_everything_was_read_and_not_a_poll_more() {
    // `ScriptedBody` panics when polled after its end.
    let mut play = Play::start(script(), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows(whole());
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends(whole());
    second.assert_sends([Shown::End, Shown::End]);
}

#[tokio::test(start_paused = true)]
async fn a_401_at_any_point_between() {
    for read in 0..whole().len() {
        let mut play = Play::start(script(), CAP).await;
        let (mut first, respond) = play.first();
        first.assert_shows(whole().into_iter().take(read));
        let mut second = play.reject(respond).await.unwrap();
        second.assert_sends(whole());
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_alone_are_replayed() {
    for read in 0..2 {
        let mut play = Play::start(ScriptedBody::new([BodyStep::Trailers(trailers())]), CAP).await;
        let (mut first, respond) = play.first();
        for _ in 0..read {
            first.poll();
        }
        let mut second = play.reject(respond).await.unwrap();
        second.assert_sends([Shown::Trailers(trailers()), Shown::End]);
    }
}

#[tokio::test(start_paused = true)]
async fn size_and_end_are_true_on_both_attempts() {
    let mut play = Play::start(ScriptedBody::data(&["one", "two", "three"]).with_size_hint(), CAP).await;
    let (mut first, respond) = play.first();
    for left in [11, 8, 5, 0] {
        assert_eq!(first.exact_size(), Some(left));
        assert_eq!(first.is_end_stream(), left == 0);
        if left > 0 {
            first.poll();
        }
    }
    let mut second = play.reject(respond).await.unwrap();
    let mut left = 11;
    while left > 0 {
        assert_eq!(second.exact_size(), Some(left));
        assert!(!second.is_end_stream());
        left -= second.data().len() as u64;
    }
    assert_eq!(second.exact_size(), Some(0));
    assert!(second.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_adds_what_was_read_to_what_is_left() {
    let mut play = Play::start(ScriptedBody::data(&["one", "two", "three"]).with_size_hint(), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one")]);
    let mut second = play.reject(respond).await.unwrap();
    assert_eq!(second.exact_size(), Some(11));
    second.assert_sends([data("one"), data("two")]);
    assert_eq!(second.exact_size(), Some(5));
    assert!(!second.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_know_its_size_is_not_given_one() {
    let mut play = Play::start(script(), CAP).await;
    let (mut first, respond) = play.first();
    assert_eq!((first.hint().lower(), first.hint().upper()), (0, None));
    first.assert_shows([data("one")]);
    let second = play.reject(respond).await.unwrap();
    assert_eq!((second.hint().lower(), second.hint().upper()), (3, None));
    assert!(!second.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn trailers_still_to_come_are_not_the_end() {
    let mut play = Play::start(script().with_size_hint(), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows(whole());
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends(whole().into_iter().take(3));
    assert!(!second.is_end_stream());
    assert_eq!(second.exact_size(), Some(0));
    second.assert_sends([Shown::Trailers(trailers())]);
    assert!(second.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn a_size_unknown_to_the_first_attempt_is_unknown_to_the_second() {
    // Else an HTTP/1 client would send `Content-Length`, with which there are no trailers.
    let mut play = Play::start(script(), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows(whole());
    let mut second = play.reject(respond).await.unwrap();
    let mut left = 11;
    while left > 0 {
        assert_eq!((second.hint().lower(), second.hint().upper()), (left, None));
        left -= second.data().len() as u64;
    }
    assert_eq!((second.hint().lower(), second.hint().upper()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_body_at_its_end_is_so_on_both_attempts() {
    let mut play = Play::start(Full::<Bytes>::default(), CAP).await;
    let (first, respond) = play.first();
    assert!(first.is_end_stream());
    assert_eq!(first.exact_size(), Some(0));
    let mut second = play.reject(respond).await.unwrap();
    assert!(second.is_end_stream());
    assert_eq!(second.exact_size(), Some(0));
    second.assert_sends([Shown::End]);
}

pin_project_lite::pin_project! {
    /// `!Unpin`, with data that is neither `Bytes` nor contiguous.
    struct Pinned {
        text: Option<&'static str>,
        #[pin]
        _pinned: PhantomPinned,
    }
}

impl Body for Pinned {
    type Data = bytes::buf::Chain<VecDeque<u8>, &'static [u8]>;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        Poll::Ready(self.project().text.take().map(|text| {
            let (head, tail) = text.split_at(1);
            Ok(Frame::data(VecDeque::from(head.as_bytes().to_vec()).chain(tail.as_bytes())))
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn any_body_with_any_data_is_replayed() {
    let body = Pinned { text: Some("pinned"), _pinned: PhantomPinned };
    let mut play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("pinned"), Shown::End]);
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends([data("pinned"), Shown::End]);
}
