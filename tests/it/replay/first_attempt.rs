//! A 401 that comes while the first attempt is still being sent.

use http_body::Frame;
use http_body_util::channel::Channel;
use tokio_test::assert_ready;

use super::{Play, Shown, data};
use crate::support::api::{BodyStep, ScriptedBody, success, trailers};

const CAP: usize = 64;
const SUPERSEDED: &str = "the rest of this request body goes with its retry";

fn superseded() -> Shown {
    Shown::Error(SUPERSEDED.into())
}

#[tokio::test(start_paused = true)]
async fn polled_after_the_retry_began_it_fails_and_takes_nothing() {
    let mut play = Play::start(ScriptedBody::data(&["one", "two", "three"]), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one")]);
    let mut second = play.reject(respond).await.unwrap();
    first.assert_shows([superseded()]);
    second.assert_sends([data("one"), data("two")]);
    first.assert_shows([superseded()]);
    second.assert_sends([data("three"), Shown::End]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_more_it_is_woken_to_its_error() {
    let (mut sender, body) = Channel::<bytes::Bytes>::new(4);
    sender.send_data("one".into()).await.unwrap();
    let mut play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one"), Shown::Pending]);
    let mut second = play.reject(respond).await.unwrap();
    assert!(first.is_woken());
    second.assert_sends([data("one"), Shown::Pending]);
    sender.send(Frame::data("two".into())).await.unwrap();
    sender.send_trailers(trailers()).await.unwrap();
    drop(sender);
    assert!(second.is_woken());
    second.assert_sends([data("two"), Shown::Trailers(trailers()), Shown::End]);
}

#[tokio::test(start_paused = true)]
async fn before_the_retry_it_streams_on() {
    let (mut sender, body) = Channel::<bytes::Bytes>::new(4);
    let mut play = Play::start(body, CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([Shown::Pending]);
    sender.send_data("one".into()).await.unwrap();
    assert!(first.is_woken());
    first.assert_shows([data("one")]);
    let mut second = play.reject(respond).await.unwrap();
    second.assert_sends([data("one")]);
}

#[tokio::test(start_paused = true)]
async fn an_end_reached_before_the_retry_is_no_error() {
    let mut play = Play::start(ScriptedBody::data(&["one"]).then(BodyStep::Trailers(trailers())), CAP).await;
    let (mut first, respond) = play.first();
    first.assert_shows([data("one"), Shown::Trailers(trailers()), Shown::End]);
    respond.send(Ok(crate::support::api::rejection())).unwrap();
    assert!(play.answer.poll().is_pending());
    crate::support::api::settle().await;
    assert!(play.answer.poll().is_pending());
    play.attempt("token-2").respond.send(Ok(success())).unwrap();
    assert_ready!(play.answer.poll()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn read_between_the_401_and_the_retry_it_is_still_recorded() {
    let mut play = Play::start(ScriptedBody::data(&["one", "two"]), CAP).await;
    let (mut first, respond) = play.first();
    respond.send(Ok(crate::support::api::rejection())).unwrap();
    assert!(play.answer.poll().is_pending());
    first.assert_shows([data("one")]);
    crate::support::api::settle().await;
    assert!(play.answer.poll().is_pending());
    let mut second = play.attempt("token-2").body;
    second.assert_sends([data("one"), data("two"), Shown::End]);
}

#[tokio::test(start_paused = true)]
async fn passing_the_cap_after_the_401_returns_the_original_401() {
    let mut play = Play::start(ScriptedBody::data(&["one", "two"]), 4).await;
    let (mut first, respond) = play.first();
    respond.send(Ok(crate::support::api::rejection())).unwrap();
    assert!(play.answer.poll().is_pending());
    first.assert_shows([data("one"), data("two")]);
    crate::support::api::settle().await;
    let answer = assert_ready!(play.answer.poll()).unwrap();
    crate::support::api::assert_is_the_rejection(answer).await;
}
