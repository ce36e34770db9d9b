//! The `bootstrap` of a Lambda function in Bash, PowerShell or Common Lisp.

use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    match script_runtime::run(std::env::args_os(), std::env::vars_os()) {
        Ok(code) => code,
        Err(error) => {
            // a closed standard error has no reader
            let _ = script_runtime::own_line().write_all(format!("bootstrap: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
