//! What operators see, in any order: the log, the metrics, and the table that explains them.

mod day;
mod events;
#[cfg(feature = "__client")]
mod fleet;
mod flights;
mod health;
mod label;
mod log;
mod meters;
mod metrics;
mod rest;
mod rules;
mod scenario;
mod secrets;
mod signed;
mod subscriber;
mod table;
mod untouched;

use std::sync::LazyLock;

use ::metrics::LocalRecorderGuard;
use tracing::{Dispatch, Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::Registry;

use self::{log::Log, meters::Meters};

/// Everything that is seen on this thread while it lives.
struct Observed {
    log: Log,
    meters: Meters,
    _listening: (DefaultGuard, LocalRecorderGuard<'static>),
}

impl Observed {
    fn start() -> Self {
        let (log, meters) = (Log::default(), Meters::default());
        let _listening = (log.listen(), meters.listen());
        Self { log, meters, _listening }
    }
}

/// Lets `subscriber` see what happens on this thread until the guard is dropped.
///
/// There is a second subscriber as long as the process lives. With one alone, `tracing` asks nobody but the thread that
/// first reaches an event whether anyone listens, so that a test next door could silence that event for all.
fn listen(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Registry::default()));
    LazyLock::force(&SECOND);
    tracing::subscriber::set_default(subscriber)
}

#[test]
fn an_event_first_reached_by_a_thread_without_subscriber_is_seen() {
    fn reach() {
        tracing::info!(target: log::TARGET, "reached");
    }
    let it = Observed::start();
    std::thread::spawn(reach).join().unwrap();
    reach();
    assert_eq!(it.log.ours().len(), 1);
}
