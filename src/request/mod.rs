//! What happens to a request: who gets a token, and what a `401` leads to.
//!
//! ```text
//! Authorizing => Authorized | end
//! Authorized  => Called | Authorizing | end
//! Called      => Refreshing | Retrying | end
//! Refreshing  => Retrying | end
//! Retrying    => Retried | Refreshing | end
//! Retried     => end
//! Failed      => end
//! ```
//!
//! - **Authorizing**: there is no usable token, or this API rejected it and another is on its way. The request waits for
//!   the flight. Nothing of the inner service is held meanwhile. Without a token the end is a `TokenError`.
//! - **Authorized**: there is a token, and readiness of the inner service is asked for. If the token expires meanwhile, it
//!   goes back to *Authorizing*: the first time what was readied is given back, the second time it is kept.
//! - **Called**: the request is on its way. Most begin here. Whatever comes is the end, but for a `401` to our token. That
//!   is reported first; then the request waits for another token, or has it at once.
//! - **Refreshing**: the request waits for another token, the `401` at hand. If there is none, or a retry would not help,
//!   the end is that `401`, headers and body.
//! - **Retrying**: readiness is asked for again. After 1 s the `401` is dropped, because it may hold what the inner service
//!   waits for. If the token expires meanwhile, the request goes back to *Refreshing*. An error of readiness ends with the
//!   `401`, or with that error once the `401` is gone.
//! - **Retried**: the request is on its way once more. Whatever comes is the end, and the verdict on the token.
//! - **Failed**: the request was refused before it was sent. The end is the error.

mod account;
mod challenge;
mod drain;
pub mod future;
mod layer;
mod options;
mod replay;
mod retained;
mod service;
mod state;
mod transitions;

pub use self::{
    account::Account,
    layer::SinchAuthLayer,
    replay::{BufferBody, CloneBody, NoReplay, Replay, ReplayBody},
    service::SinchAuth,
};

#[cfg(test)]
mod tests;
