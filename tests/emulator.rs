//! Behind the real Runtime Interface Emulator: `AWS_LAMBDA_RIE` names it, or it is on the `PATH`.
