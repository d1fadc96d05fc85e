//! Every decision about tokens, flights and rejections. Pure: readings of the clocks and random numbers are arguments,
//! and the answer is an [`Action`].

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
