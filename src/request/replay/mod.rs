//! Replay policies: what is kept of a request, so that it can be sent once more after a `401`.

mod body;
mod buffer;
mod head;
mod policy;

pub(crate) use self::head::Head;
pub use self::{
    body::ReplayBody,
    buffer::BufferBody,
    policy::{CloneBody, NoReplay, Replay},
};
