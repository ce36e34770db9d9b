//! The `bootstrap` of a Lambda function in Bash, PowerShell or Common Lisp.

use std::process::ExitCode;

fn main() -> ExitCode {
    match script_runtime::run(std::env::args_os(), std::env::vars_os()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bootstrap: {error}");
            ExitCode::FAILURE
        }
    }
}
