//! PowerShell handlers, on a real `pwsh`.

mod errors;
mod handlers;
mod host;
mod hostile;
mod init;
mod input;
mod json;
mod logs;
mod matrix;
mod modules;
mod output;
mod state;
mod text;

use crate::support::Function;

/// A function with these files.
pub fn files(files: &[(&str, &str)], handler: &str) -> Function {
    Function::with(files).handler(handler)
}

/// A function whose handler is `f` of the module `m.psm1`, which is this text.
fn module(text: &str) -> Function {
    files(&[("m.psm1", text)], "m.f")
}

/// A function whose handler is the script `s.ps1`, which is this text.
fn script(text: &str) -> Function {
    files(&[("s.ps1", text)], "s.ps1")
}
