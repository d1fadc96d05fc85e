//! One binary for all integration tests; a module for each part of DESIGN.md.

mod support;
