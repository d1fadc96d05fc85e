//! Gives back what an inner service reserved when it became ready.

use std::mem;

/// Replaces `inner` by a clone that reserves nothing, drops what was readied, and returns another such clone.
pub(crate) fn give_back<S: Clone>(inner: &mut S) -> S {
    let unready = inner.clone();
    drop(mem::replace(inner, unready.clone()));
    unready
}
