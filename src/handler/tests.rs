use super::*;

fn resolve(text: &str, files: &[&str]) -> Result<Handler, HandlerError> {
    Handler::resolve(text, |place| files.iter().any(|file| Path::new(file) == place))
}

fn bash(file: &str, function: &str) -> Handler {
    Handler::BashFunction { file: file.into(), function: function.into() }
}

fn lisp(files: &[&str], symbol: &str) -> Handler {
    Handler::LispFunction { files: files.iter().map(PathBuf::from).collect(), symbol: symbol.into() }
}

fn module(module: Module, function: &str, answer: PowerShellAnswer) -> Handler {
    Handler::PowerShellFunction { module, function: function.into(), answer }
}

fn module_file(file: &str, function: &str) -> Handler {
    module(Module::File(file.into()), function, PowerShellAnswer::Pipeline)
}

#[test]
fn bash_functions() {
    assert_eq!(resolve("function.handler", &["function.sh"]), Ok(bash("function.sh", "handler")));
    assert_eq!(
        resolve("src/deep/function.handler", &["src/deep/function.sh"]),
        Ok(bash("src/deep/function.sh", "handler"))
    );
    assert_eq!(resolve("function.sh.handler", &["function.sh"]), Ok(bash("function.sh", "handler")));
    assert_eq!(resolve("./a.b.c", &["./a.b.sh", "./a.sh"]), Ok(bash("./a.b.sh", "c")));
    assert_eq!(resolve("a.b.c", &["a.sh"]), Ok(bash("a.sh", "b.c")));
    assert_eq!(resolve("lib.my::f", &["lib.sh"]), Ok(bash("lib.sh", "my::f")));
    assert_eq!(resolve("my lib's.f", &["my lib's.sh"]), Ok(bash("my lib's.sh", "f")));
}

#[test]
fn scripts_by_their_very_file() {
    let script = |file: &str| Handler::BashScript { file: file.into() };
    assert_eq!(resolve("report.sh", &["report.sh"]), Ok(script("report.sh")));
    assert_eq!(resolve("./bin/report.sh", &["./bin/report.sh"]), Ok(script("./bin/report.sh")));
    assert_eq!(
        resolve("./MyScript.ps1", &["./MyScript.ps1"]),
        Ok(Handler::PowerShellScript { file: "./MyScript.ps1".into() })
    );
    assert_eq!(
        resolve("MyScript", &["MyScript.ps1"]),
        Ok(Handler::PowerShellScript { file: "MyScript.ps1".into() })
    );
    assert_eq!(resolve("echo.ros", &["echo.ros"]), Ok(Handler::LispScript { file: "echo.ros".into() }));
    assert_eq!(
        resolve("script.lisp", &["script.lisp"]),
        Ok(Handler::LispScript { file: "script.lisp".into() })
    );
    assert_eq!(resolve("script.lisp", &["script.fasl"]), Ok(lisp(&["script.fasl"], "lisp")));
}

#[test]
fn powershell_modules() {
    for file in ["MyModule.psd1", "MyModule.psm1", "MyModule/MyModule.psd1", "MyModule/MyModule.psm1"] {
        assert_eq!(resolve("MyModule.MyFunction", &[file]), Ok(module_file(file, "MyFunction")), "{file}");
    }
    for place in ["modules/My.Module", "/opt/modules/My.Module", "$PSModulePath/My.Module"] {
        let by_name = Module::Name("My.Module".into());
        assert_eq!(
            resolve("My.Module.Get-Thing", &[place]),
            Ok(module(by_name, "Get-Thing", PowerShellAnswer::Pipeline)),
            "{place}"
        );
    }
    assert_eq!(
        resolve("./MyModule.psd1.MyFunction", &["./MyModule.psd1"]),
        Ok(module_file("./MyModule.psd1", "MyFunction"))
    );
    assert_eq!(
        resolve("./src/MyModule.psm1.MyFunction", &["./src/MyModule.psm1"]),
        Ok(module_file("./src/MyModule.psm1", "MyFunction"))
    );
}

#[test]
fn forms_of_the_aws_powershell_runtime() {
    assert_eq!(
        resolve("script.ps1::function", &["script.ps1"]),
        Ok(Handler::PowerShellScriptFunction { file: "script.ps1".into(), function: "function".into() })
    );
    assert_eq!(
        resolve("Module::My.Module::Get-Thing", &["modules/My.Module"]),
        Ok(module(Module::Name("My.Module".into()), "Get-Thing", PowerShellAnswer::Value))
    );
    for text in ["Module::name", "Module::", "Module::::f", ".ps1::f", "script.ps1::", "script.ps1::a::b"] {
        assert!(matches!(resolve(text, &["script.ps1"]), Err(HandlerError::Invalid { .. })), "{text}");
    }
}

#[test]
fn lisp_symbols_scripts_and_forms() {
    assert_eq!(
        resolve("simple_handler.simple-handler", &["simple_handler.lisp"]),
        Ok(lisp(&["simple_handler.lisp"], "simple-handler"))
    );
    assert_eq!(
        resolve("simple_handler.cl-user::simple-handler", &["simple_handler.fasl", "simple_handler.lisp"]),
        Ok(lisp(&["simple_handler.fasl", "simple_handler.lisp"], "cl-user::simple-handler"))
    );
    assert_eq!(resolve("main.lisp.f", &["main.lisp", "main.fasl"]), Ok(lisp(&["main.lisp"], "f")));
    for text in ["'pkg::name", "(constantly\"hi\")", "(load\"h.lisp\")'f", "(in-package"] {
        assert_eq!(resolve(text, &[]), Ok(Handler::LispForms { text: text.into() }));
    }
}

#[test]
fn names_both_files_of_an_ambiguous_handler() {
    let error = resolve("function.handler", &["function.sh", "function.lisp"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "handler `function.handler` fits `function.sh` (Bash) and `function.lisp` (Common Lisp): \
         write `function.sh.handler` or `function.lisp.handler`"
    );
    assert_eq!(Failure::from(error).error_type, "Runtime.InvalidHandler");
    let error = resolve("a.f", &["a.sh", "a/a.psm1"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "handler `a.f` fits `a.sh` (Bash) and `a/a.psm1` (PowerShell): write `a.sh.f` or `a/a.psm1.f`"
    );
}

#[test]
fn lists_every_place_that_was_looked_at() {
    let error = resolve("function.handler", &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "handler `function.handler` fits no file; looked for `function.handler.ps1`, `function.sh`, \
         `function.fasl`, `function.lisp`, `function.psd1`, `function/function.psd1`, `function.psm1`, \
         `function/function.psm1`, `modules/function`, `/opt/modules/function`, \
         `$PSModulePath/function` in the task root: write FILE.FUNCTION, or the file of a script with its extension"
    );
    assert_eq!(Failure::from(error).error_type, "Runtime.HandlerNotFound");
}

#[test]
fn refuses_what_leaves_the_task_root() {
    for text in ["/etc/profile.f", "../f.handler", "a/../../b.f", "/bin/x.sh", "src/", ""] {
        assert!(matches!(resolve(text, &["/bin/x.sh"]), Err(HandlerError::Invalid { .. })), "{text}");
    }
}
