//! The way of a request: who gets a token, and what a `401` leads to.

mod challenge;
mod drain;
mod first;
pub mod future;
mod layer;
mod options;
mod replay;
mod retained;
mod service;
mod state;

pub use self::{
    layer::SinchAuthLayer,
    options::{ExistingAuthorization, OutsideAudience, RequestAuth},
    replay::{BufferBody, CloneBody, NoReplay, Replay, ReplayBody},
    service::SinchAuth,
};
