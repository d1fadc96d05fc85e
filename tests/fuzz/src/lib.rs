//! What the fuzz targets share: a runtime whose time is paused, a body that does as the input says, and the credentials
//! that must never show.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::unwrap_used,
    reason = "for the fuzz targets alone, which fail by panicking"
)]

pub mod api;
pub mod body;
pub mod challenge;
pub mod chest;
pub mod date;
pub mod host;
pub mod key;
pub mod response;
pub mod unauthorized;
pub mod upload;

use std::{error::Error, fmt::Write, future::Future, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

thread_local! {
    static RUNTIME: Runtime = runtime();
}

/// Runs `future` to its end. Where it waits for a timer, time goes on at once.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The same, in a runtime of its own, which ends with it: no task of another input is left in it.
pub fn block_on_anew<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// How much of the paused time goes by in `work`, which runs futures by [`block_on`].
#[expect(clippy::disallowed_methods, reason = "reads the paused clock, to see how far it went")]
pub fn elapsed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let now = || block_on(async { Instant::now() });
    let began = now();
    (work(), now() - began)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// All that an error may show: `Display` and `Debug`, of it and of its sources.
pub fn shown(error: &dyn Error) -> String {
    let mut text = format!("{error:?}\n{error:#?}");
    let mut next = Some(error);
    while let Some(error) = next {
        write!(text, "\n{error}").unwrap();
        next = error.source();
    }
    text
}
