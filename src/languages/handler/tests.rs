use super::*;
use crate::languages::LANGUAGES;

/// A task root with these files.
struct Files<'a>(&'a [&'a str]);

impl Places for Files<'_> {
    fn exists(&self, place: &Path) -> bool {
        self.0.iter().any(|file| Path::new(file) == place)
    }

    fn files(&self) -> Vec<String> {
        self.0.iter().map(|file| (*file).to_owned()).collect()
    }
}

fn resolve(text: &str, files: &[&str]) -> Result<Candidate, Failure> {
    super::resolve(text, &LANGUAGES, &Files(files))
}

/// Handlers whose forms no black-box test has, the files that are there, the kind of handler that they are, and the names in it.
const READ: [(&str, &[&str], &str, &str); 19] = [
    ("./a.b.c", &["./a.b.sh", "./a.sh"], "Function", "./a.b.sh c"),
    ("a.b.c", &["a.sh"], "Function", "a.sh b.c"),
    ("lib.my::f", &["lib.sh"], "Function", "lib.sh my::f"),
    ("my lib's.f", &["my lib's.sh"], "Function", "my lib's.sh f"),
    ("src.d/function.handler", &["src.d/function.sh", "src.lisp"], "Function", "src.d/function.sh handler"),
    ("./bin/report.sh", &["./bin/report.sh"], "File", "./bin/report.sh"),
    ("function.handler", &["function.handler", "function.sh"], "File", "function.handler"),
    ("MyScript", &["MyScript", "MyScript.ps1"], "File", "MyScript"),
    ("a.psm1", &["a.psm1"], "BareModule", "a.psm1"),
    ("My.Get-It", &["My.psd1"], "Handler File", "module My.psd1 Get-It pipeline"),
    ("A.B.Get-It", &["/opt/modules/A.B"], "Handler Name", "module A.B Get-It pipeline"),
    ("script.lisp", &["script.fasl"], "Handler", "function script.fasl script.lisp lisp"),
    ("main.my-app/main::handler", &["main.lisp"], "Handler", "function main.lisp my-app/main::handler"),
    ("main.lisp.my-app/main::f", &["main.lisp"], "Handler", "function main.lisp my-app/main::f"),
    ("pkg.sub/system::f", &["pkg.lisp"], "Handler", "function pkg.lisp sub/system::f"),
    ("v1.2/main.my.app/sub::f", &["v1.2/main.lisp"], "Handler", "function v1.2/main.lisp my.app/sub::f"),
    ("./lib/main.a/b/c", &["./lib/main.lisp"], "Handler", "function ./lib/main.lisp a/b/c"),
    ("'pkg::name", &[], "Handler", "forms 'pkg::name"),
    ("/(x)", &[], "Handler", "forms /(x)"),
];

#[test]
fn reads_the_rare_forms_of_a_handler() {
    for (text, files, kind, names) in READ {
        let shown = format!("{:?}", resolve(text, files).unwrap().runnable);
        let parts: Vec<_> = shown.split('"').collect();
        let words = parts.iter().step_by(2).flat_map(|part| part.split(|c: char| !c.is_alphanumeric()));
        let kinds: Vec<_> = words.filter(|word| word.starts_with(char::is_uppercase)).collect();
        let quoted: Vec<_> = parts.iter().skip(1).step_by(2).copied().collect();
        assert_eq!((kinds.join(" "), quoted.join(" ")), (kind.to_owned(), names.to_owned()), "{text}");
    }
}

#[test]
fn refuses_a_text_that_nothing_can_fit() {
    let outside = ["/etc/profile.f", "../f.handler", "a/../../b.f", "/bin/x.sh", "src/", ""];
    let shapes = ["Module::name", "Module::", "Module::::f", ".ps1::f", "script.ps1::", "script.ps1::a::b"];
    for text in outside.iter().chain(&shapes) {
        let error = resolve(text, &["/bin/x.sh", "script.ps1"]).unwrap_err();
        assert_eq!(error.diagnostic.error_type, "Runtime.InvalidHandler", "{text}");
    }
    for file in ["main.sh", "main.psm1"] {
        let error = resolve("main.get/orders", &[file]).unwrap_err();
        assert_eq!(error.diagnostic.error_type, "Runtime.HandlerNotFound", "{file}");
    }
}

#[test]
fn says_which_handlers_fit_and_which_were_meant() {
    for (text, files, said) in [
        ("a.f", &["a.sh", "a/a.psm1"][..], "(Bash) and `a/a.psm1` (PowerShell): write `a.sh.f` or `a/a.psm1.f`"),
        ("orders", &["orders.sh"], "did you mean `orders.sh` or `orders.FUNCTION`: "),
        ("fn.handler", &["fn.ps1"], "did you mean `fn.ps1` or `fn.ps1::handler`: "),
        ("Module::Order::Get-It", &["Orders.psm1"], "did you mean `Orders.Get-It`: "),
        ("main", &["main.lisp"], "did you mean `main.lisp` or `main.FUNCTION`: "),
        ("echo.main", &["echo.ros"], "did you mean `echo.ros`: "),
        ("a.h", &["a.bash"], "did you mean `a.bash`: "),
        ("report.handler", &["report.py"], "did you mean `report.py`: "),
        ("function.handler", &["read.me"], "with its extension: the task root has `read.me`; looked for `"),
        (
            "a.b",
            &[],
            "looked for `a.b`, `a.b.ps1`, `a.sh`, `a.fasl`, `a.lisp`, `a.psd1`, `a/a.psd1`, `a.psm1`, `a/a.psm1`, \
             `modules/a`, `/opt/modules/a`, `$PSModulePath/a`",
        ),
    ] {
        let message = resolve(text, files).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}
