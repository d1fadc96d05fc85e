//! Pages: what an operator sees, and what is protected.

pub mod observability;
pub mod security;
