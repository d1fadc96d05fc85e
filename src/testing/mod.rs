//! `FakeSinch`: an in-process server that behaves as Sinch does.
