//! Calls to three APIs that share one refresher, and what `401`s, failures, clocks and callers that go away may cause.
//!
//! The input is a script of text; white space in it means nothing.
//!
//! ```text
//! 07           the settings, see `Settings`, and the seed of all that is drawn
//! a b4 C       a call to A; five at once to B; one to C that cannot be sent again
//! x0           one of the calls is dropped
//! t3 T3        time passes: as it does, or while no task goes on, as on a machine that is out of breath
//! w6 W6        the wall clock is set ahead, or back
//! d1 e2 f3     how A, B and C answer: see `Policy`
//! q1 l2 y3     the next answer, whoever gives it; how long answers take; for how long no API is ready
//! r            all tokens so far are revoked
//! i2 k3        how long token requests take; how long tokens live
//! m1 n1        what becomes of token requests, and of the next one alone: see `Outcome`
//! g h H        the token is asked for; refreshed by hand: the one in use, or that of the last `g`
//! ```
//!
//! A digit that is left out is a zero. Whatever else stands there is read as some letter.

mod books;
mod calls;
mod clock;
mod script;
mod world;

pub use self::{
    calls::Player,
    clock::{Moment, set_wall, wall},
    script::{Script, Settings, Step},
};
