//! Pages: the layer with your client, one token for a fleet, what an operator sees, what is protected, and how the crate is
//! built.

pub mod architecture;
pub mod clients;
pub mod fleet;
pub mod observability;
pub mod prometheus;
pub mod security;
#[cfg(test)]
pub(crate) mod table;
