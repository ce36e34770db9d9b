//! Bash handlers.

use crate::support::Function;

#[test]
fn answers_with_standard_output_without_trailing_newlines() {
    let function = Function::bash("handler() { printf 'a\\n\\nb %s\\n\\n' \"$1\"; }").start();
    assert_eq!(function.text(r#"{"x": "ä"}"#), "a\n\nb {\"x\": \"ä\"}");
    assert_eq!(function.text(""), "a\n\nb ");
}
