//! The hooks of the page on SnapStart, as they stand there.

use crate::support::{Function, code_block, needs::has};

#[test]
fn each_copy_has_what_its_hook_has_drawn() {
    let mut functions =
        vec![("function.sh", "function.handler", "# function.sh: functions of these names, in the sourced file")];
    if has("pwsh") {
        let line = "# Instance.psm1, or a file with `::`: script blocks, registered when it is loaded";
        functions.push(("Instance.psm1", "Instance.Get-Instance", line));
    }
    if has("sbcl") {
        functions.push(("instance.lisp", "instance.handler", ";; instance.lisp: functions without arguments"));
    }
    for (file, handler, line) in functions {
        let code = code_block("snapstart.md", line);
        let drawn = [(); 2].map(|()| {
            let function = Function::with(&[(file, &code)]).handler(handler).snapstart().start().restored();
            let drawn = function.text("{}");
            assert_eq!(function.text("{}"), drawn, "{file}");
            drawn.trim_end().to_owned()
        });
        assert!(drawn[0].len() > 9 && drawn[0] != drawn[1], "{file}: {drawn:?}");
    }
}
