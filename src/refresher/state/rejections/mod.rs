//! What a `401` may cause: a refresh, a wait for one, or nothing. One policy for all authorities of a refresher.
//!
//! An API that rejects every token, or tokens at random, must not turn its requests into token requests, and must not
//! keep other APIs from healing. A real revocation must heal at once. So each authority has a record:
//!
//! ```text
//! Trusted    => Asking | BackingOff
//! Asking     => Trusted | BackingOff
//! BackingOff => Trusted | Asking
//! ```
//!
//! - `Trusted => Asking`: it rejected the token in use. A refresh for it starts, or is up and joined. Until the answer
//!   is known the question is open: will it accept the new generation?
//!   If its *budget* of forced refreshes is spent, it stays trusted, and the `401` is returned as it came.
//! - `Trusted => BackingOff`: a retry that began before the question was answered was useless after all.
//! - `Asking => Trusted`: it accepted the generation: it answered anything but `401` to a call that carried it. Such an
//!   answer is *evidence*. Anything but a `401`, `5xx` or `429` also *helped*: the streak of useless refreshes ends.
//! - `Asking => BackingOff`: the generation was *useless*: the retry was a `401` again, or a call that cannot be retried
//!   met one. Each generation counts once. The back-off is 1 s, doubling with each in a row to 60 s, the second half
//!   drawn.
//!   Meanwhile its `401`s are returned as they came.
//! - `BackingOff => Trusted`: the back-off is over, or a generation after the last useless one helped. That is seen of
//!   retries, and of other calls only while some authority's question is open: else each call would take the lock. The
//!   streak goes on with the next useless one, unless it has faded: its last count is 10 minutes old.
//! - `BackingOff => Asking`: the back-off is over, and meanwhile it joined a refresh that was up.
//!
//! # Budget
//!
//! Forced refreshes of one authority: 10 at once, then one every 10 s. Of all authorities together: 20 at once, then one
//! every 5 s. So hundreds of APIs that reject, or one that rejects every other call, cost a bounded number of token
//! requests, whatever their verdicts are.
//!
//! # Waiting
//!
//! While a flight replaces a generation that an authority rejected, calls to that authority wait for it rather than be
//! rejected, too; calls to others do not. Once a call has waited in vain, or the flight has failed, no call waits for
//! that replacement any more.
//!
//! When the token is forgotten, every authority is trusted again; the budgets stay as they are.
//!
//! None of this touches refreshes that are due: time decides about those.

mod authority;
mod policy;

pub(super) use self::policy::{Rejections, Ruling};

#[cfg(test)]
mod tests;
