//! Decides what is kept of a request, so that it can be sent once more after a `401`.

mod body;
mod buffer;
mod buffer_body;
mod frame;
mod head;
mod policy;
mod recording;

pub(super) use self::head::Head;
pub use self::{
    body::ReplayBody,
    buffer_body::BufferBody,
    policy::{CloneBody, NoReplay, Replay},
};
