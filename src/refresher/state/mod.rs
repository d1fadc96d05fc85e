//! Every decision about tokens, flights and rejections. Pure: readings of the clocks and random numbers are arguments,
//! and the answer is an [`Action`].
//!
//! ```text
//! Empty      => Fetching
//! Fetching   => Fresh | Due | Empty
//! Fresh      => Due | Refreshing | Empty
//! Due        => Refreshing | Empty | Fresh
//! Refreshing => Fresh | Due | Fetching | Empty
//! ```
//!
//! A state says whether calls have a token, and whether a flight is up:
//!
//! - **Empty**: no usable token and no flight. The first call starts a flight, and becomes *Fetching*. After a failure the
//!   error is the answer until the [back-off](failure) is over.
//! - **Fetching**: no usable token, and a flight. Every call joins it. It brings a token, which is *Fresh*, or *Due* at once
//!   if it lives for a second or less; or it fails or is abandoned, and leaves nothing.
//! - **Fresh**: a token, and no flight. Time makes it *Due*. A `401` makes it *Refreshing*, if the
//!   [policy for rejections](rejections) lets it. A suspended machine may find it expired: *Empty*.
//! - **Due**: a token that is to be refreshed. The next call uses it and starts a flight: *Refreshing*. While the back-off
//!   lasts it is used on, and when it expires, nothing is left. A successor that waited [is put to use](tokens): *Fresh*.
//! - **Refreshing**: a token, and a flight. Calls use the token, but for those that wait because their API rejected it. The
//!   flight brings another: *Fresh*, or still *Due* until the successor is put to use. Or it fails: *Due*, or *Fresh* if it
//!   was forced. If the token expires first, it is *Fetching*.
//!
//! To **forget** leads to *Empty* from everywhere: the token and the flight are dropped, and those who waited ask again.

mod failure;
mod machine;
mod rejections;
mod tokens;
mod want;

pub(crate) use self::want::Rejected;
pub(super) use self::{
    machine::State,
    want::{Action, Want},
};

#[cfg(test)]
mod tests;
