//! Frames whose data is `Bytes`, which both attempts can share.

use bytes::{Buf, Bytes};
use http_body::Frame;

use crate::error::BoxError;

/// Makes one `Bytes` of the data of a frame, and a `BoxError` of an error.
pub(super) fn into_bytes<D: Buf, E: Into<BoxError>>(
    frame: Result<Frame<D>, E>,
) -> Result<Frame<Bytes>, BoxError> {
    match frame {
        Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
        Err(error) => Err(error.into()),
    }
}
