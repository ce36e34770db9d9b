//! The examples: each handler on its sample event, each test that a user would write, and what the page on events shows
//! of them.

mod durable;
mod libraries;
mod page;
mod testing;
mod triggers;
