//! Runs without Lambda.

pub mod one_shot;
