//! [`Handles`]: one refresher, in the hands of many calls on many threads.
//!
//! A call holds its refresher until it is answered. Were there one count of holders for all, each call would fetch
//! its cache line from the thread that called last, and that can take longer than all else that a call does here.

use std::{
    array, fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::token_refresher::TokenRefresher;

/// How many threads can call without meeting on a cache line, at 128 bytes each.
const STRIPES: usize = 8;

/// The refresher of a layer.
#[derive(Clone)]
pub(crate) struct Handles(Arc<Stripes>);

struct Stripes {
    others: [Arc<Handle>; STRIPES - 1],
    last: Arc<Handle>,
}

/// A refresher, beside which a count of holders fits into one cache line.
#[repr(align(64))]
pub(crate) struct Handle(TokenRefresher);

thread_local! {
    /// The number of this thread among those that made calls.
    static THREAD: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Ordering::Relaxed)
    };
}

// === impl Handles ===

impl Handles {
    pub(crate) fn of(tokens: &TokenRefresher) -> Self {
        let handle = |_| Arc::new(Handle(tokens.clone()));
        Self(Arc::new(Stripes { others: array::from_fn(handle), last: handle(0) }))
    }

    /// The handle for calls on this thread.
    #[inline]
    pub(crate) fn here(&self) -> &Arc<Handle> {
        self.at(THREAD.with(|number| *number))
    }

    #[inline]
    fn at(&self, thread: usize) -> &Arc<Handle> {
        self.0.others.get(thread % STRIPES).unwrap_or(&self.0.last)
    }
}

impl fmt::Debug for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.last.0.fmt(f)
    }
}

// === impl Handle ===

impl Deref for Handle {
    type Target = TokenRefresher;

    #[inline]
    fn deref(&self) -> &TokenRefresher {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, ptr};

    use super::*;
    use crate::token::IssuedToken;

    fn handles() -> Handles {
        Handles::of(&TokenRefresher::new(|| async { IssuedToken::bearer("abc", None) }))
    }

    #[test]
    fn so_many_threads_in_a_row_have_handles_of_their_own() {
        let handles = handles();
        let own: HashSet<_> = (3..3 + STRIPES).map(|thread| Arc::as_ptr(handles.at(thread))).collect();
        assert_eq!(own.len(), STRIPES);
    }

    #[test]
    fn a_thread_keeps_to_its_handle() {
        let handles = handles();
        assert!(ptr::eq(handles.here(), handles.here()));
    }

    #[test]
    fn counts_of_holders_stand_on_cache_lines_of_their_own() {
        let handles = handles();
        let mut lines: Vec<_> =
            (0..STRIPES).map(|thread| Arc::as_ptr(handles.at(thread)) as usize / 64).collect();
        lines.sort_unstable();
        assert!(lines.windows(2).all(|pair| pair[1] - pair[0] >= 2), "{lines:?}");
    }
}
