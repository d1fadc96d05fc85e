//! Many accounts in one process: nobody gets the token of another, and what is wrong with one harms no other.

mod bad_input;
mod interleavings;
mod leak;
mod script;
mod world;
