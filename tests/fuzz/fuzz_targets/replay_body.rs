//! `BufferBody`, under any order of reading, answering and dropping: each attempt shows the whole body, or there is no
//! second one.

#![no_main]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fuzz target fails by panicking"
)]

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use arbitrary::Arbitrary;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use libfuzzer_sys::fuzz_target;
use tower::{Layer, Service};
use tower_sinch_auth::{BoxError, BufferBody, SinchAuthLayer};
use tower_sinch_auth_fuzz::{
    api::tokens,
    block_on,
    upload::{Calls, Held, Reader, Respond, Upload},
};

#[derive(Arbitrary, Debug)]
struct Case {
    upload: Upload,
    cap: u8,
    steps: Vec<Step>,
}

/// What happens next. What is not possible any more does not happen.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Step {
    ReadFirst,
    DropFirst,
    ReadSecond,
    DropSecond,
    Answer(Verdict),
    /// The refresh goes on.
    Run,
    /// The caller goes away.
    Cancel,
}

/// What an attempt is answered.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Verdict {
    Unauthorized,
    Success,
    Failure,
}

/// A case as it is played.
struct Play {
    calls: Calls,
    call: Option<Pin<Box<Call>>>,
    result: Option<Result<StatusCode, BoxError>>,
    first: Option<Reader>,
    second: Option<Reader>,
    /// Who waits for an answer, first or second.
    respond: Option<Respond>,
    sent: u32,
    rejected: bool,
    upload: Rc<Upload>,
    /// Whether the request can be sent again, by what was read of it so far.
    is_whole: bool,
    cap: usize,
}

type Call = dyn Future<Output = Result<Response<Full<Bytes>>, BoxError>>;

fuzz_target!(|case: Case| {
    block_on(async {
        let mut play = Play::start(case.upload, case.cap).await;
        for step in case.steps.iter().take(64) {
            play.step(*step).await;
        }
        play.end().await;
    });
});

// === impl Play ===

impl Play {
    async fn start(upload: Upload, cap: u8) -> Self {
        let layer = SinchAuthLayer::new(tokens()).replay(BufferBody::up_to(cap.into()));
        layer.refresher().expect("its own").token().await.expect("a token");
        let (upload, held) = (Rc::new(upload), Held::default());
        let calls = Rc::clone(&held.0);
        let body = upload.body();
        let is_whole = body.is_end_stream() || body.size_hint().lower() <= cap.into();
        let request = Request::post("https://numbers.api.sinch.com/v1").body(body).unwrap();
        let call = Box::pin(layer.layer(held).call(request));
        let mut play = Self {
            calls,
            call: Some(call),
            result: None,
            first: None,
            second: None,
            respond: None,
            sent: 0,
            rejected: false,
            upload,
            is_whole,
            cap: cap.into(),
        };
        play.drive();
        play
    }

    async fn step(&mut self, step: Step) {
        let cx = &mut Context::from_waker(Waker::noop());
        match step {
            Step::ReadFirst => self.read_first(cx),
            Step::DropFirst => self.first = None,
            Step::ReadSecond => self.second.iter_mut().for_each(|reader| reader.poll(cx)),
            Step::DropSecond => self.second = None,
            Step::Answer(verdict) => self.answer(verdict),
            Step::Run => {
                tokio::task::yield_now().await;
                self.drive();
            }
            Step::Cancel => self.call = None,
        }
    }

    fn read_first(&mut self, cx: &mut Context<'_>) {
        let Some(first) = self.first.as_mut().filter(|first| first.end.is_none()) else {
            return;
        };
        let read = first.read;
        first.superseded = self.sent == 2;
        first.poll(cx);
        if self.sent == 2 {
            assert_eq!(first.read, read, "the first attempt goes on beside the second");
            let is_whole = matches!(first.end, Some(Ok(_))) && !self.upload.body().is_end_stream();
            assert!(!is_whole, "the first attempt ends as if it were whole");
        } else if first.read > self.cap || matches!(first.end, Some(Err(_))) {
            self.is_whole = false;
        }
    }

    fn answer(&mut self, verdict: Verdict) {
        let Some(respond) = self.respond.take() else {
            return;
        };
        let mut response = Response::new(Full::<Bytes>::default());
        let answer = match verdict {
            Verdict::Success => Ok(response),
            Verdict::Failure => Err("the call failed".into()),
            Verdict::Unauthorized => {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                self.rejected |= self.sent == 1;
                Ok(response)
            }
        };
        // No one listens if the caller went away.
        let _ = respond.send(answer);
        self.drive();
    }

    /// Polls the call, and takes over the attempt that it makes.
    fn drive(&mut self) {
        let Some(call) = &mut self.call else {
            return;
        };
        if let Poll::Ready(result) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.call = None;
            self.result = Some(result.map(|response| response.status()));
        }
        let Some((body, respond)) = self.calls.borrow_mut().pop_front() else {
            return;
        };
        self.sent += 1;
        self.respond = Some(respond);
        let reader = Reader::new(body, &self.upload);
        match self.sent {
            1 => self.first = Some(reader),
            2 => {
                assert!(self.rejected, "sent again without a 401");
                assert!(self.is_whole, "sent again without its whole body");
                self.second = Some(reader);
            }
            _ => panic!("sent a third time"),
        }
    }

    /// Lets everything come to its end, and looks at it.
    async fn end(mut self) {
        let was_cancelled = self.call.is_none() && self.result.is_none();
        self.answer(Verdict::Unauthorized);
        for _ in 0..8 {
            self.step(Step::Run).await;
        }
        assert!(self.calls.borrow().is_empty());
        let cx = &mut Context::from_waker(Waker::noop());
        if self.sent == 1 {
            let may_retry = self.rejected && !was_cancelled;
            assert!(!(may_retry && self.is_whole), "not sent again, though it could be");
            if let Some(first) = &mut self.first {
                first.finish(cx);
            }
        }
        if let Some(second) = &mut self.second {
            second.finish(cx);
        }
        self.answer(Verdict::Success);
        if !was_cancelled {
            assert!(self.call.is_none() && self.result.is_some(), "the call does not end");
        }
    }
}
