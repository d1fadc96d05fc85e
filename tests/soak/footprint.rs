//! [`Footprint`]: what the process holds, to see whether it grows.

use std::{fmt, time::Duration};

use peak_alloc::PeakAlloc;
use tokio::{runtime::Handle, time::sleep};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Tasks alive and bytes allocated, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    pub(crate) tasks: usize,
    pub(crate) heap: usize,
}

/// What the heap may differ by for no reason of ours: capacities, caches of threads, what the runtime keeps.
pub(crate) const HEAP_SLACK: usize = 512 * 1024;
const STEP: Duration = Duration::from_millis(20);
/// How often [`settles`] looks before it gives up: half a minute, on a machine that has nothing else to do.
const LOOKS: u32 = 1_500;

// === impl Footprint ===

impl Footprint {
    /// Takes the footprint of the runtime this runs in.
    pub(crate) fn now() -> Self {
        Self { tasks: Handle::current().metrics().num_alive_tasks(), heap: HEAP.current_usage() }
    }

    pub(crate) fn has_grown_since(self, earlier: Self) -> bool {
        self.heap > earlier.heap + HEAP_SLACK
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks, {} KiB", self.tasks, self.heap / 1024)
    }
}

/// Waits until `done`; says whether it came to that.
pub(crate) async fn settles(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..LOOKS {
        if done() {
            return true;
        }
        sleep(STEP).await;
    }
    false
}
