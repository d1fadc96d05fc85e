//! [`Step`]: what a script consists of, and how it is drawn.

use proptest::{
    prelude::{Just, Strategy},
    prop_oneof,
};

pub(super) const TENANTS: usize = 3;
pub(super) const STACKS: usize = 6;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Call {
        tenant: usize,
        stack: usize,
    },
    /// Polls a call, or drops it.
    Poll(usize),
    Abandon(usize),
    Answer(usize, Reply),
    Issue(usize, Issue),
    Forget(usize),
    Evict(usize),
    Revoke(usize),
    Pass(u64),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    /// `200`, unless the token is revoked.
    Fair,
    Unauthorized,
    Redirect,
    Fails,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Issue {
    Token,
    ShortLived,
    Unavailable,
    Rejected,
    Panics,
}

// === impl Step ===

/// Mostly calls and what moves them.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let which = || 0usize..64;
    let reply = prop_oneof![
        4 => Just(Reply::Fair),
        3 => Just(Reply::Unauthorized),
        2 => Just(Reply::Redirect),
        1 => Just(Reply::Fails),
    ];
    let issue = prop_oneof![
        8 => Just(Issue::Token),
        1 => Just(Issue::ShortLived),
        1 => Just(Issue::Unavailable),
        1 => Just(Issue::Rejected),
        1 => Just(Issue::Panics),
    ];
    prop_oneof![
        6 => (0..TENANTS, 0..STACKS).prop_map(|(tenant, stack)| Step::Call { tenant, stack }),
        8 => which().prop_map(Step::Poll),
        1 => which().prop_map(Step::Abandon),
        6 => (which(), reply).prop_map(|(which, reply)| Step::Answer(which, reply)),
        6 => (which(), issue).prop_map(|(which, issue)| Step::Issue(which, issue)),
        1 => (0..TENANTS).prop_map(Step::Forget),
        1 => (0..TENANTS).prop_map(Step::Evict),
        1 => (0..TENANTS).prop_map(Step::Revoke),
        1 => (0u64..4_000).prop_map(Step::Pass),
    ]
}
