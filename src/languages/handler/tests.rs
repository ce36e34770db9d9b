use super::*;
use crate::languages::LANGUAGES;

/// A task root with these files.
struct Files<'a>(&'a [&'a str]);

impl Places for Files<'_> {
    fn exists(&self, place: &Path) -> bool {
        self.0.iter().any(|file| Path::new(file) == place)
    }

    fn is_file(&self, place: &Path) -> bool {
        self.exists(place)
    }

    fn files(&self) -> Vec<String> {
        self.0.iter().map(|file| (*file).to_owned()).collect()
    }
}

/// The language and what it makes of the text.
fn resolve(text: &str, files: &[&str]) -> Result<String, HandlerError> {
    let handler = Handler::resolve(text, &LANGUAGES, &Files(files))?;
    Ok(format!("{}: {:?}", handler.language, handler.runnable))
}

fn bash(file: &str, function: &str) -> String {
    format!("Bash: Function {{ file: {file:?}, function: {function:?} }}")
}

fn program(file: &str) -> String {
    format!("program: File({file:?})")
}

fn lisp(files: &[&str], symbol: &str) -> String {
    format!("Common Lisp: Function {{ files: {files:?}, symbol: {symbol:?} }}")
}

fn lisp_script(file: &str) -> String {
    format!("Common Lisp: Script {{ file: {file:?} }}")
}

fn powershell_script(file: &str) -> String {
    format!("PowerShell: Script {{ file: {file:?} }}")
}

fn module(module: &str, function: &str, answer: &str) -> String {
    format!("PowerShell: Function {{ module: {module}, function: {function:?}, answer: {answer} }}")
}

fn module_file(file: &str, function: &str) -> String {
    module(&format!("File({file:?})"), function, "Pipeline")
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
    assert_eq!(resolve("report.sh", &["report.sh"]), Ok(program("report.sh")));
    assert_eq!(resolve("./bin/report.sh", &["./bin/report.sh"]), Ok(program("./bin/report.sh")));
    assert_eq!(resolve("./MyScript.ps1", &["./MyScript.ps1"]), Ok(powershell_script("./MyScript.ps1")));
    assert_eq!(resolve("MyScript", &["MyScript.ps1"]), Ok(powershell_script("MyScript.ps1")));
    assert_eq!(resolve("echo.ros", &["echo.ros"]), Ok(lisp_script("echo.ros")));
    assert_eq!(resolve("script.lisp", &["script.lisp"]), Ok(lisp_script("script.lisp")));
    assert_eq!(resolve("script.lisp", &["script.fasl"]), Ok(lisp(&["script.fasl"], "lisp")));
}

#[test]
fn powershell_modules() {
    for file in ["MyModule.psd1", "MyModule.psm1", "MyModule/MyModule.psd1", "MyModule/MyModule.psm1"] {
        assert_eq!(resolve("MyModule.MyFunction", &[file]), Ok(module_file(file, "MyFunction")), "{file}");
    }
    for place in ["modules/My.Module", "/opt/modules/My.Module", "$PSModulePath/My.Module"] {
        let by_name = r#"Name("My.Module")"#;
        assert_eq!(
            resolve("My.Module.Get-Thing", &[place]),
            Ok(module(by_name, "Get-Thing", "Pipeline")),
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
        Ok(r#"PowerShell: ScriptFunction { file: "script.ps1", function: "function" }"#.to_owned())
    );
    assert_eq!(
        resolve("Module::My.Module::Get-Thing", &["modules/My.Module"]),
        Ok(module(r#"Name("My.Module")"#, "Get-Thing", "Value"))
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
        assert_eq!(resolve(text, &[]), Ok(format!("Common Lisp: Forms {{ text: {text:?} }}")));
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
    assert_eq!(Failure::from(error).diagnostic.error_type, "Runtime.InvalidHandler");
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
        "handler `function.handler` fits no file: write FILE.FUNCTION, or the file of a script with its extension; \
         looked for `function.handler`, `function.handler.ps1`, `function.sh`, `function.fasl`, `function.lisp`, \
         `function.psd1`, `function/function.psd1`, `function.psm1`, `function/function.psm1`, `modules/function`, \
         `/opt/modules/function`, `$PSModulePath/function`"
    );
    assert_eq!(Failure::from(error).diagnostic.error_type, "Runtime.HandlerNotFound");
}

#[test]
fn refuses_what_leaves_the_task_root() {
    for text in ["/etc/profile.f", "../f.handler", "a/../../b.f", "/bin/x.sh", "src/", ""] {
        assert!(matches!(resolve(text, &["/bin/x.sh"]), Err(HandlerError::Invalid { .. })), "{text}");
    }
}

#[test]
fn any_file_by_its_very_name_is_a_program() {
    for file in ["bin/tool", "report.R", "cgi-bin/app.pl", "function.handler", "a b", "tool"] {
        assert_eq!(resolve(file, &[file]), Ok(program(file)));
    }
    assert_eq!(
        resolve("function.handler", &["function.handler", "function.sh"]),
        Ok(program("function.handler"))
    );
    assert_eq!(resolve("MyScript", &["MyScript", "MyScript.ps1"]), Ok(program("MyScript")));
    assert_eq!(resolve("a.psm1", &["a.psm1"]), Ok(r#"PowerShell: BareModule("a.psm1")"#.to_owned()));
}

#[test]
fn a_slash_may_belong_to_a_lisp_symbol() {
    for (text, file, symbol) in [
        ("main.my-app/main::handler", "main.lisp", "my-app/main::handler"),
        ("main.lisp.my-app/main::f", "main.lisp", "my-app/main::f"),
        ("main.get/orders", "main.lisp", "get/orders"),
        ("pkg.sub/system::f", "pkg.lisp", "sub/system::f"),
        ("v1.2/main.my.app/sub::f", "v1.2/main.lisp", "my.app/sub::f"),
        ("./lib/main.a/b/c", "./lib/main.lisp", "a/b/c"),
    ] {
        assert_eq!(resolve(text, &[file]), Ok(lisp(&[file], symbol)), "{text}");
    }
    let files = ["src.d/function.sh", "src.lisp"];
    assert_eq!(resolve("src.d/function.handler", &files), Ok(bash("src.d/function.sh", "handler")));
    for file in ["main.sh", "main.psm1"] {
        assert!(matches!(resolve("main.get/orders", &[file]), Err(HandlerError::NotFound(_))), "{file}");
    }
}

#[test]
fn the_exact_name_goes_before_every_shape() {
    for file in ["report (1).sh", "a'b.sh", "(x)", "'x", "Module::a::b", "{}", "a.ps1::b"] {
        assert_eq!(resolve(file, &[file]), Ok(program(file)));
    }
    assert_eq!(resolve("report (1).ps1", &["report (1).ps1"]), Ok(powershell_script("report (1).ps1")));
    assert_eq!(resolve("/(x)", &["/(x)"]), Ok("Common Lisp: Forms { text: \"/(x)\" }".to_owned()));
}

#[test]
fn says_what_was_meant_and_what_there_is() {
    for (text, files, said) in [
        (
            "rport.sh",
            &["other.txt", "report.sh"][..],
            "did you mean `report.sh`: the task root has `other.txt`, `report.sh`; ",
        ),
        (
            "functon.handler",
            &["function.sh"],
            "did you mean `function.sh` or `function.handler`: the task root has `function.sh`; ",
        ),
        (
            "function.handler",
            &["src/function.sh"],
            "did you mean `src/function.sh` or `src/function.handler`: ",
        ),
        ("orders", &["orders.sh"], "did you mean `orders.sh` or `orders.FUNCTION`: "),
        ("fn.handler", &["fn.ps1"], "did you mean `fn.ps1` or `fn.ps1::handler`: "),
        ("Module::Order::Get-It", &["Orders.psm1"], "did you mean `Orders.Get-It`: "),
        ("main", &["main.lisp"], "did you mean `main.lisp` or `main.FUNCTION`: "),
        ("echo.main", &["echo.ros"], "did you mean `echo.ros`: "),
        ("a.h", &["a.bash"], "did you mean `a.bash`: "),
        ("report.handler", &["report.py"], "did you mean `report.py`: "),
        (
            "function.handler",
            &["read.me"],
            "write FILE.FUNCTION, or the file of a script with its extension: the task root has `read.me`; ",
        ),
    ] {
        let message = resolve(text, files).unwrap_err().to_string();
        assert!(message.starts_with(&format!("handler `{text}` fits no file: {said}")), "{message}");
        assert!(message.contains("; looked for `"), "{message}");
    }
}
