//! What operators see, in any order: the log, the metrics, and the table that explains them.

mod day;
mod events;
mod flights;
mod health;
mod label;
mod log;
mod meters;
mod metrics;
mod scenario;
mod secrets;
mod subscriber;
mod table;

use ::metrics::LocalRecorderGuard;
use tracing::subscriber::DefaultGuard;

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
