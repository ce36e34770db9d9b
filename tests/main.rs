//! Black-box tests: the real binary with real interpreters, against a small Runtime API of the tests' own and
//! against the real Runtime Interface Emulator.

#![allow(unreachable_pub)]
mod bash;
mod lisp;
mod support;
