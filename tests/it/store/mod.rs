//! Stores for tests, and the check of all stores.

mod broken;
mod check;
mod memory;
