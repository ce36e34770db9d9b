//! The README's tables against the code.
