//! What is not kept: bodies over the cap, bodies that failed, and anything once it is not needed.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio_test::assert_ready;

use super::{Play, Shown, data};
use crate::support::api::{BodyStep, ScriptedBody, success};

const CAP: usize = 6;
/// A piece of this size is shared, not copied.
const PIECE: &[u8] = &[b'a'; 64 * 1024];

fn piece() -> Shown {
    Shown::Data(String::from_utf8(PIECE.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_body_as_long_as_the_cap_is_kept() {
    for body in [ScriptedBody::data(&["one", "two"]), ScriptedBody::data(&["one", "two"]).with_size_hint()] {
        let mut play = Play::start(body, CAP).await;
        let (mut first, respond) = play.first();
        first.assert_shows([data("one"), data("two")]);
        let mut second = play.reject(respond).await.unwrap();
        second.assert_sends([data("one"), data("two"), Shown::End]);
    }
}

#[tokio::test(start_paused = true)]
async fn over_the_cap_by_counting_streams_on_and_is_not_retried() {
    let play = Play::start(ScriptedBody::data(&["one", "two", "three", "four"]), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows(["one", "two", "three", "four"].map(data));
    first.assert_shows([Shown::End]);
    play.assert_not_retried(respond).await;
}

#[tokio::test(start_paused = true)]
async fn over_the_cap_by_its_size_streams_on_and_is_not_retried() {
    let body = ScriptedBody::data(&["one", "two", "three"]).with_size_hint();
    let play = Play::start(body, CAP).await;
    let (first, respond) = play.first();
    assert_eq!(first.exact_size(), Some(11));
    // Not one byte was read, and yet it is known.
    play.assert_not_retried(respond).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_reports_its_error_and_is_not_retried() {
    let body = ScriptedBody::data(&["one"]).then(BodyStep::Error("disk"));
    let play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one"), Shown::Error("disk".into())]);
    play.assert_not_retried(respond).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_on_the_second_attempt_reports_its_error() {
    let body = ScriptedBody::data(&["one"]).then(BodyStep::Error("disk"));
    let mut play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one")]);
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends([data("one"), Shown::Error("disk".into())]);
}

/// Counts the pieces of a body that are alive, as `Bytes`. They are of the size that is kept as it is.
#[derive(Clone, Default)]
struct Ledger(Arc<AtomicUsize>);

struct Owned(Ledger);

impl Ledger {
    fn alive(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn piece(&self) -> Bytes {
        self.0.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Owned(self.clone()))
    }

    /// A body of so many pieces.
    fn body(
        &self,
        pieces: usize,
    ) -> impl http_body::Body<Data = Bytes, Error = std::io::Error> + Send + use<> {
        let ledger = self.clone();
        let frames = (0..pieces).map(move |_| Ok(Frame::data(ledger.piece())));
        StreamBody::new(futures::stream::iter(frames))
    }
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        PIECE
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn past_the_cap_what_was_kept_is_dropped_and_no_more_is_kept() {
    let ledger = Ledger::default();
    let play = Play::start(ledger.body(5), 2 * PIECE.len()).await;
    let (mut first, _respond) = play.first();
    first.assert_shows([piece(), piece()]);
    assert_eq!(ledger.alive(), 2);
    for _ in 0..3 {
        first.assert_shows([piece()]);
        assert_eq!(ledger.alive(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_is_dropped_with_the_answer() {
    let ledger = Ledger::default();
    let mut play = Play::start(ledger.body(5), 5 * PIECE.len()).await;
    let (mut first, respond) = play.first();
    first.assert_shows([piece(), piece()]);
    assert_eq!(ledger.alive(), 2);
    respond.send(Ok(success())).unwrap();
    let response = assert_ready!(play.answer.poll()).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(ledger.alive(), 0);
    // The client goes on sending the body, as HTTP/2 allows: nobody will ask for it again.
    first.assert_shows([piece()]);
    assert_eq!(ledger.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_while_its_body_is_polled_drops_what_is_kept() {
    let ledger = Ledger::default();
    let call = Arc::new(Mutex::new(None));
    let (pieces, dropped) = (ledger.clone(), Arc::clone(&call));
    let frames = (0..5).map(move |_| {
        drop(dropped.lock().unwrap().take());
        Ok::<_, std::io::Error>(Frame::data(pieces.piece()))
    });
    let play = Play::start(StreamBody::new(futures::stream::iter(frames)), 5 * PIECE.len()).await;
    let (mut first, _respond) = play.first();
    first.assert_shows([piece()]);
    *call.lock().unwrap() = Some(play.answer);
    first.assert_shows([piece()]);
    assert!(call.lock().unwrap().is_none());
    first.assert_shows([piece()]);
    assert_eq!(ledger.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_second_attempt_lets_go_of_each_piece_as_it_gives_it_out() {
    let ledger = Ledger::default();
    let mut play = Play::start(ledger.body(3), 3 * PIECE.len()).await;
    let (mut first, respond) = play.first();
    first.assert_shows([piece(), piece(), piece(), Shown::End]);
    let mut second = play.reject(respond).await.unwrap();
    for left in [2, 1, 0] {
        second.assert_sends([piece()]);
        assert_eq!(ledger.alive(), left);
    }
}
