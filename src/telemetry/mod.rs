//! What operators see: the wording and the fields of every span, event and metric.

mod flight_span;
mod metrics;
mod observer;

pub(crate) use self::{
    flight_span::{Watch, asks, asks_as},
    observer::{Observer, Settled},
};
