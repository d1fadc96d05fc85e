//! Pages: how the crate is built, what an operator sees, and what is protected.

pub mod architecture;
pub mod fleet;
pub mod observability;
pub mod security;
