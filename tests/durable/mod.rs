//! Durable functions (SPEC section 13).

mod command;
mod desk;
mod served;
