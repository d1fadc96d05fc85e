//! Every decision about tokens, flights and rejections. Pure: readings of the clocks and random numbers are arguments,
//! and the answer is an [`Action`].

mod failure;
mod machine;
mod rejections;

pub(super) use self::machine::{Action, State, Want};

#[cfg(test)]
mod tests;
