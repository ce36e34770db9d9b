//! Black-box tests: the real binary with real interpreters, against a small Runtime API of the tests' own and
//! against the real Runtime Interface Emulator.

// a test says what is wrong by failing
#![allow(clippy::unwrap_used, unreachable_pub)]

#[macro_use]
mod support;

mod bash;
mod bash_faults;
mod cgi;
mod container;
mod docs;
mod durable;
mod emulator;
mod examples;
mod faults;
mod images;
mod init_errors;
mod levels;
mod lisp;
mod logs;
mod make_test;
mod manage;
mod network;
mod one_shot;
mod pages;
mod portable;
mod powershell;
mod programs;
mod programs_of_the_system;
mod runtime_api;
mod secrets;
mod serve;
mod serve_http;
mod serve_life;
mod serve_streams;
mod shutdown;
mod shutdown_hooks;
mod snapstart;
mod streaming;
mod wrapper;
mod yardstick;
