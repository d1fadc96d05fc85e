//! Every decision about tokens, flights and rejections: pure.

mod ledger;
mod rejections;

pub(crate) use self::{
    ledger::{Goal, Ledger, Step},
    rejections::Verdict,
};

#[cfg(test)]
mod tests;
