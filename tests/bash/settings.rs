//! Whatever a file sets reaches no step of the runtime's: a matrix of options, builtins and variables.
//!
//! Each setting is loaded by a worker of its own, as one may hide what another does.

use std::{collections::BTreeSet, panic::catch_unwind, process::Command, thread};

use crate::support::{Function, repository};

/// The code behind the setting in every file of the matrix. The handler uses no builtin that a setting may replace.
const HANDLER: &str = r#"
inner() {
    if [[ $1 == fail* ]]; then
        /bin/false
        return 7
    fi
}
handler() {
    inner "$1"
    [[ $1 == fail* ]] || /bin/cat
}
"#;

/// A few at a time: most of it is waiting.
fn all(settings: &[String], check: fn(&str) -> Result<(), String>) {
    let parts: Vec<_> = settings.chunks(settings.len().div_ceil(4)).map(<[_]>::to_vec).collect();
    let tried = move |setting: &String| match catch_unwind(|| check(setting)) {
        Ok(result) => result.err(),
        Err(_) => Some(format!("`{setting}`: no answer")),
    };
    let threads =
        parts.into_iter().map(|part| thread::spawn(move || part.iter().filter_map(tried).collect::<Vec<_>>()));
    let failed: Vec<_> = threads.collect::<Vec<_>>().into_iter().flat_map(|part| part.join().unwrap()).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), settings.len(), failed.join("\n"));
}

fn holds(setting: &str) -> Result<(), String> {
    let function = Function::bash(&format!("{setting}\n{HANDLER}")).start();
    let wrong = |what: &str, got: &str| {
        let start: String = got.chars().take(300).collect();
        Err(format!("`{setting}`: {what}: {start:?}, log {:?}", function.log()))
    };
    let small = "two *\n lines\t\\ `id` ";
    let large = format!("{small}{}", "0123456789 abcdef\n".repeat(200 * 1024 / 18) + "end");
    for event in [small, &large, "fail", small] {
        let post = function.post(crate::support::Event::new(event));
        let body = String::from_utf8_lossy(&post.body);
        match (event, post.kind.as_str()) {
            ("fail", "error") => {
                let file = function.task_root.path().join("function.sh");
                let is_traced = body.contains(&format!("at inner, {}", file.display()))
                    && body.contains("ended with status 1 at line ");
                let has_none = [
                    "+o errtrace",
                    "ERR",
                    "DEBUG",
                    "RETURN",
                    "trace",
                    "extdebug",
                    "verbose",
                    "set -v",
                    "SHELLOPTS",
                    "XTRACEFD",
                ];
                if !(is_traced || has_none.iter().any(|own| setting.contains(own))) {
                    return wrong("stack", &body);
                }
                if !body.contains("ended with status ") {
                    return wrong("status", &body);
                }
            }
            (event, "response") if body == event => {}
            ("fail", "response") if setting.ends_with("+o errexit") => {}
            (_, kind) => return wrong(&format!("{kind} of {} bytes", event.len()), &body),
        }
    }
    let log = function.log();
    // tracing, and Bash's own words about the setting, are the file's own
    let ours: Vec<_> = log.lines().filter(|line| line.contains("__lambda_")).collect();
    if ours.is_empty() { Ok(()) } else { wrong("log", &ours.join("\n")) }
}

fn said_by_bash(code: &str) -> Vec<String> {
    let output = Command::new("bash").args(["-c", code]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn shim() -> String {
    std::fs::read_to_string(repository().join("src/languages/bash/shim.sh")).unwrap()
}

fn words(text: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    code.flat_map(|line| line.split(move |character| !is_word(character))).map(str::to_owned).collect()
}

/// The builtins that the shim's text names.
fn builtins() -> Vec<String> {
    let used = words(&shim());
    let builtins: Vec<_> = said_by_bash("compgen -b").into_iter().filter(|name| used.contains(name)).collect();
    assert!(builtins.iter().any(|name| name == "mapfile"), "{builtins:?}");
    builtins
}

#[test]
fn no_option_of_bash() {
    let shopts = said_by_bash("shopt").into_iter().map(|line| {
        let name = line.split_whitespace().next().unwrap().to_owned();
        if line.ends_with("on") { format!("shopt -u {name}") } else { format!("shopt -s {name}") }
    });
    let options = said_by_bash("set -o").into_iter().flat_map(|line| {
        let name = line.split_whitespace().next().unwrap().to_owned();
        // it keeps all that follows from running, its own undoing too
        ["-o", "+o"].map(|sign| format!("set {sign} {name}")).into_iter().filter(|set| set != "set -o noexec")
    });
    all(&shopts.chain(options).filter(|set| !set.contains("restricted")).collect::<Vec<_>>(), holds);
}

#[test]
fn no_function_alias_or_disabling_of_a_builtin() {
    let each = builtins().into_iter().flat_map(|name| {
        let function = format!("{name}() {{ echo taken; }}");
        let alias = format!("shopt -s expand_aliases; alias {name}='echo taken;'");
        let disabled = format!("enable -n {name}");
        [function, alias, disabled]
    });
    let several = [
        "printf() { :; }; builtin() { echo B; }; exec() { :; }; mapfile() { :; }; enable() { :; }",
        "enable -n builtin exec printf mapfile set trap",
        "unset() { echo U; }; builtin() { return 3; }",
        "shopt -s expand_aliases; alias while=false exec=echo builtin=echo trap=:",
    ];
    all(&each.chain(several.map(str::to_owned)).collect::<Vec<_>>(), holds);
}

#[test]
fn no_readonly_variable() {
    let special = said_by_bash("compgen -v").into_iter();
    let more = "IFS LC_ALL LANG LC_CTYPE TMOUT GLOBIGNORE BASH_COMPAT POSIXLY_CORRECT OPTIND OPTARG REPLY RANDOM \
                PS4 HOME PATH PWD OLDPWD ENV BASH_ENV COPROC MAPFILE TIMEFORMAT FUNCNEST HISTFILE PROMPT_COMMAND \
                BASH_XTRACEFD context lines status lane words trace depth line_end unknown";
    let names: BTreeSet<_> = special.chain(more.split_whitespace().map(str::to_owned)).collect();
    let settings = names.into_iter().map(|name| match name.as_str() {
        "LC_ALL" => "readonly LC_ALL=C".to_owned(),
        "BASH_XTRACEFD" => "readonly BASH_XTRACEFD=2".to_owned(),
        "SHELLOPTS" => "readonly SHELLOPTS".to_owned(),
        "_" => "readonly none".to_owned(), // Bash itself sets it, and fails
        "HOME" | "PATH" | "PWD" | "OLDPWD" | "FUNCNEST" => format!("readonly {name}"),
        name if name.starts_with("BASH") || name.ends_with("ID") => format!("readonly {name} || :"),
        _ => format!("readonly {name}=1 || :"),
    });
    all(&settings.collect::<Vec<_>>(), holds);
}

#[test]
fn nothing_else_that_files_set() {
    let settings = [
        "IFS=$'\\n\\t'",
        "IFS=,",
        "IFS=",
        "IFS=0123456789abcdef",
        "unset IFS",
        "readonly IFS=$' \\n'",
        "TMOUT=1",
        "GLOBIGNORE='*'",
        "BASH_COMPAT=31",
        "POSIXLY_CORRECT=1",
        "OPTIND=9",
        "LC_ALL=xx_YY.UTF-8",
        "LC_ALL=C.UTF-8",
        "set -o noclobber",
        "set -f",
        "set -o keyword -o posix",
        "set -a; shopt -s nocasematch extdebug lastpipe",
        "PROMPT_COMMAND='echo x'",
        "trap 'echo D' DEBUG",
        "trap 'echo R' RETURN",
        "set -E; trap 'echo E >&2' ERR",
        "trap 'echo E' EXIT",
        "BASH_XTRACEFD=2; set -x",
        "set -x",
        "set -v",
        "exec 3>&1 >&2",
        "shopt -s localvar_inherit localvar_unset || :",
        "exec </dev/null",
        "ulimit -c 0",
        "umask 777",
    ];
    all(&settings.map(str::to_owned), holds);
}

#[test]
fn every_name_of_the_shim_has_its_prefix() {
    let text = shim();
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let assigned = code.filter_map(|line| {
        let name = line.split(['=', '+', '[']).next().filter(|_| line.contains('='))?;
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
    });
    let local = text.split("builtin local ").skip(1);
    let local = local.flat_map(|rest| rest.split(['#', '\n']).next().unwrap().split([' ', '=']));
    let local = local.filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase()));
    let known = ["POSIXLY_CORRECT", "LC_ALL", "RANDOM"];
    let others: Vec<_> = assigned
        .chain(local)
        .filter(|name| !name.is_empty() && !name.starts_with("__lambda_") && !known.contains(name))
        .collect();
    assert_eq!(others, Vec::<&str>::new());
}

#[test]
fn a_file_that_leaves_no_way_to_builtins_is_an_init_error_that_says_so() {
    for setting in [
        "builtin() { :; }; readonly -f builtin",
        "exec() { :; }; readonly -f exec",
        "enable -n builtin enable",
        "enable -n printf enable",
    ] {
        let error = Function::bash(&format!("{setting}\nhandler() {{ echo fine; }}")).init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed", "{setting}");
        assert!(error.message.contains("leaves no way to Bash's own commands"), "{setting}: {}", error.message);
    }
}
