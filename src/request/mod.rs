//! The way of a request: who gets a token, and what a `401` leads to.
//!
//! ```text
//! Authorizing => Authorized | error            waits for a token; nothing of the inner service is held meanwhile
//! Authorized  => Called | Authorizing | error  the inner service is ready; should the token have expired: once more
//! Called      => done | Refreshing | Retrying  all but a 401 to our token goes through untouched
//! Refreshing  => Retrying | done               another token: retry. Else the original 401, headers and body
//! Retrying    => Retried | Refreshing | done   readiness is asked for again; if that fails, the original 401
//! Retried     => done                          whatever comes is the answer
//! Failed      => error                         the request was not sent
//! ```

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
    layer::SinchAuthLayer,
    options::{ExistingAuthorization, OutsideAudience, RequestAuth},
    replay::{BufferBody, CloneBody, NoReplay, Replay, ReplayBody},
    service::SinchAuth,
};
