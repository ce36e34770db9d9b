//! The README and the pages: their tables are those of the code, and what they show of a terminal is what happens there.

mod console;
mod tables;
