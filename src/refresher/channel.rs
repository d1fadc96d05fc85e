//! The two ends of a flight: the [`FlightHandle`] that the state keeps, and the [`FlightEnd`] that its task has.

use std::convert::Infallible;

use futures_util::{FutureExt, future::Shared};
use tokio::sync::oneshot;

use crate::{error::TokenError, token::AccessToken};

/// The state's end. Dropping it cancels the flight.
#[derive(Debug)]
pub(super) struct FlightHandle {
    result: FlightResult,
    /// Nothing is ever sent.
    _cancel: oneshot::Sender<Infallible>,
}

/// The end of the flight's task. Dropping it without a result tells the waiters that the flight was abandoned.
#[derive(Debug)]
pub(super) struct FlightEnd {
    pub(super) result: oneshot::Sender<Result<AccessToken, TokenError>>,
    /// Ready when the flight is cancelled.
    pub(super) cancelled: oneshot::Receiver<Infallible>,
}

/// What all waiters of a flight wait for. An error of the channel: the flight was abandoned.
pub(super) type FlightResult = Shared<oneshot::Receiver<Result<AccessToken, TokenError>>>;

/// Makes the two ends of a flight.
pub(super) fn channel() -> (FlightHandle, FlightEnd) {
    let (result, receiver) = oneshot::channel();
    let (cancel, cancelled) = oneshot::channel();
    let handle = FlightHandle { result: receiver.shared(), _cancel: cancel };
    (handle, FlightEnd { result, cancelled })
}

// === impl FlightHandle ===

impl FlightHandle {
    pub(super) fn result(&self) -> FlightResult {
        self.result.clone()
    }
}
