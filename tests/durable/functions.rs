//! Bash's function `durable`: functions of the file as the commands of steps.

use super::{
    execution::{Deeds, End, Execution},
    service::Service,
};
use crate::support::Function;

/// Functions that the handlers of the tests have.
const FUNCTIONS: &str = r#"
did() { echo "$1" >>"$DEEDS"; }
greet() { did greet; echo "hello $*"; }
broken() { did broken; false; echo not reached; }
leaves() { did leaves; echo "said on the way" >&2; exit 5; }
tells() { echo "$DURABLE_STEP $DURABLE_ATTEMPT"; }
third() { did third; ((DURABLE_ATTEMPT == 3)) && echo "third time"; }
counts() { did count; echo $((${DURABLE_STATE:-0} + 1)); ((${DURABLE_STATE:-0} == 2)); }
reads() { tr a-z A-Z; }
nested() { durable step inside greet; }
two() { local a b; a=$(durable step one greet 1); durable wait 1h; b=$(durable step one greet 2); echo "$a, $b"; }
"#;

/// Runs a handler that has this body to the end of its execution.
fn run<'a>(body: &str, deeds: &'a Deeds) -> (Execution<'a>, End) {
    let script = format!("{FUNCTIONS}\nhandler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n{body}\n}}");
    let function = move || Function::bash(&script).env("DEEDS", &deeds.path());
    let mut execution = Execution::of(Service::start(), function);
    let end = execution.run("input");
    execution.recovers();
    (execution, end)
}

#[test]
fn a_function_runs_as_the_command_of_a_step() {
    for (body, result) in [
        ("durable step n greet 'a  b' c", "hello a  b c"),
        ("x=$(durable step n greet you); echo \"[$x]\"", "[hello you]"),
        ("durable step n --retry 0 --rate=2 -- greet", "hello "),
        ("durable step n tells", "n 1"),
        // errexit holds in there, wherever the step stands
        ("durable step n broken || echo \"failed $?\"", "failed 1"),
        ("if durable step n broken; then echo no; else echo \"failed $?\"; fi", "failed 1"),
        ("x=$(durable step n broken) || echo \"failed $? [$x]\"", "failed 1 []"),
        ("set +e; durable step n broken; echo \"status $?\"", "not reached\nstatus 0"),
        ("durable step n leaves || echo \"failed $?\"", "failed 5"),
        // a subshell: nothing stays
        ("v=1; change() { v=2; echo done; }; durable step n change; echo $v", "done\n1"),
        ("cd /; there() { cd /tmp; pwd; }; durable step n there; pwd", "/tmp\n/"),
        ("printf 'a\\nb\\n' | while read -r line; do durable step \"$line\" reads; done; echo end", "end"),
        ("printf 'a\\nb\\n' | durable step n --stdin reads", "A\nB"),
        (
            "durable step n nested 2>&1 || echo \"failed $?\"",
            "durable: this is a part of the step `n`, which is recorded as one: call `durable` outside of it, or make it a `durable context`\ndurable: `nested` ended with status 70: durable: this is a part of the step `n`, which is recorded as one: call `durable` outside of it, or make it a `durable context`\nfailed 70",
        ),
        ("durable step n --retry 5 third", "third time"),
        ("durable until n --every 1m counts", "3"),
        ("durable context n two", "hello 1, hello 2"),
        ("x=$(durable context n two); durable context m two >/dev/null; echo \"$x\"", "hello 1, hello 2"),
        ("none() { :; }; durable step n none; echo \"$(durable step m none)end\"", "end"),
        ("lines() { printf '\\n a \\n\\n'; }; durable step n lines; echo .", "\n a \n."),
        ("nul() { printf 'a\\0b'; }; durable step n nul | tr '\\0' -", "a-b"),
        ("late() { (sleep 0.2; echo late) & echo soon; }; durable step n late", "soon\nlate"),
        ("exec 9>/dev/null 63>&1; nine() { echo x >&9; echo y; }; durable step n nine", "y"),
        // longer than an argument of a process may be
        (
            "long=$(head -c 300000 /dev/zero | tr '\\0' x); size() { cat; echo \"${#1} $2\"; }; \
             x=$(echo in | durable step n --stdin size \"$long\" b); durable wait 1h; durable step m size \"$long\" c; echo \"$x\"",
            "300000 c\nin\n300000 b",
        ),
        ("IFS=lo; set -f; shopt -s nocasematch; durable step n greet '*'", "hello *"),
    ] {
        let deeds = Deeds::new();
        let (execution, end) = run(body, &deeds);
        assert_eq!(end, End::Succeeded(result.to_owned()), "{body}\n{}", execution.log());
    }
}

#[test]
fn a_failed_function_is_the_error_of_the_execution() {
    for (body, message) in [
        ("durable step n leaves; echo not reached", "`leaves` ended with status 5: said on the way"),
        ("x=$(durable step n leaves); echo not reached", "`leaves` ended with status 5: said on the way"),
        ("durable context c leaves", "`leaves` ended with status 5"),
        ("durable step n broken", "`broken` ended with status 1"),
    ] {
        let deeds = Deeds::new();
        let (execution, end) = run(body, &deeds);
        assert_eq!(
            end,
            End::Failed("Function.ExitStatus".to_owned(), message.to_owned()),
            "{body}\n{}",
            execution.log()
        );
    }
}

#[test]
fn nothing_of_ours_is_traced() {
    let deeds = Deeds::new();
    let (execution, end) = run("set -x; durable step n greet you; durable step m true; set +x", &deeds);
    assert_eq!(end, End::Succeeded("hello you".to_owned()));
    let traced = "+ durable step n greet you\n++ greet you\n++ did greet\n++ echo greet\n++ echo 'hello you'\n\
                  + durable step m true\n+ set +x\n";
    assert_eq!(execution.log(), traced);
}

#[test]
fn a_function_that_is_ended_by_a_signal_shows_nothing_of_ours() {
    let deeds = Deeds::new();
    let body = "dies() { echo said >&2; kill -9 $BASHPID; }\n\
                durable step n dies || echo \"failed $?\"; durable context c dies || echo \"failed $?\"";
    let (execution, end) = run(body, &deeds);
    assert_eq!(end, End::Succeeded("failed 137\nfailed 137".to_owned()));
    let log = "said\ndurable: `dies` ended with status 137: said\nsaid\ndurable: `dies` ended with status 137\n";
    assert_eq!(execution.log(), log);
}

#[test]
fn the_stack_of_a_failed_step_is_that_of_the_file() {
    let form = "the handler ended with status 64 at line 15: `durable wait 1x`: durable: `1x` is no duration as 90s, \
                15m, 12h, 3d or 2w, up to 366 days: the form is `durable wait DURATION | --until TIME [--name NAME]`";
    for (step, message) in [
        ("step n leaves", "`leaves` ended with status 5: said on the way"),
        ("step n sh -c 'exit 3'", "`sh` ended with status 3"),
        ("wait 1x", form),
    ] {
        let deeds = Deeds::new();
        let script = format!("{FUNCTIONS}\ncalls() {{\n:\ndurable {step}\n}}\nhandler() {{\ncalls\n}}");
        let function = || Function::bash(&script).env("DEEDS", &deeds.path());
        let error = Execution::of(Service::start(), function).invoke("input").unwrap()["Error"].take();
        assert_eq!(error["ErrorMessage"], message, "{step}");
        let stack: Vec<_> = error["StackTrace"].as_array().unwrap().iter().map(|at| at.as_str().unwrap()).collect();
        let lines: Vec<_> =
            stack.iter().map(|at| (at.split(',').next().unwrap(), at.rsplit(' ').next().unwrap())).collect();
        assert_eq!(lines, [("at calls", "15"), ("at handler", "18")], "{step}");
    }
}

#[test]
fn the_function_is_there_for_durable_events_alone_and_where_the_file_has_none() {
    let kind = "kind() { type -t durable; declare -F | grep -c __lambda_attend; }\n";
    let script = format!("{kind}shopt -s expand_aliases; alias local=false while=false; handler() {{ kind || :; }}");
    let mut execution = Execution::of(Service::start(), || Function::bash(&script));
    assert_eq!(execution.run(""), End::Succeeded("function\n1".to_owned()));
    // nor for the next event of the same worker
    assert_eq!(execution.text("{}"), "file\n0");
    let plain = Function::bash(&script).start();
    assert_eq!(plain.text("{}"), "0");
    let own = "durable() { echo \"own $*\"; }\nhandler() { durable wait 3d; }";
    let mut execution = Execution::of(Service::start(), || Function::bash(own));
    assert_eq!(execution.run(""), End::Succeeded("own wait 3d".to_owned()));
}

#[test]
fn the_command_is_on_the_path_of_children_wherever_the_bootstrap_lies() {
    let path = "/usr/bin:/bin";
    let bash = "handler() { bash -c 'durable step n echo child'; }";
    for function in [&(|| Function::bash(bash)) as &dyn Fn() -> Function, &|| {
        Function::with(&[("program.sh", "#!/bin/sh\ndurable step n echo child\n")]).handler("program.sh")
    }] {
        let mut execution = Execution::of(Service::start(), function).with("PATH", path);
        assert_eq!(execution.run(""), End::Succeeded("child".to_owned()), "{}", execution.log());
    }
}

#[test]
fn a_folder_for_temporary_files_may_have_a_long_path() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("x".repeat(150));
    std::fs::create_dir(&long).unwrap();
    let script = "handler() { durable step n echo \"$TMPDIR\"; bash -c 'durable wait 1h'; durable step m true; }";
    let mut execution =
        Execution::of(Service::start(), || Function::bash(script)).with("TMPDIR", &long.display().to_string());
    assert_eq!(execution.run(""), End::Succeeded(long.display().to_string()), "{}", execution.log());
}

#[test]
fn what_has_ended_is_answered_without_a_process() {
    let deeds = Deeds::new();
    // the command cannot reach the bootstrap there
    let body = "socket=$DURABLE_SOCKET; [[ ! -e $DEEDS ]] || DURABLE_SOCKET=/gone\n\
                durable step a greet you; x=$(durable step a -- greet 'a  ü' ''); echo \"$x.\"\n\
                durable step b leaves 2>&1 || echo \"failed $?\"\n\
                durable step --any-args c bash -c 'printf \" d \\n\\n\"' $RANDOM; durable step -- --d true\n\
                durable context e echo f; durable until g --every 1h true\n\
                DURABLE_SOCKET=$socket; durable wait 1h; durable step h echo end";
    let (_, end) = run(body, &deeds);
    let printed = "hello you\nhello a  ü .\nsaid on the way\ndurable: `leaves` ended with status 5: said on the way\n\
                   failed 5\n d \nf\nend";
    assert_eq!(end, End::Succeeded(printed.replace("said on the way\nd", "d")));
    assert_eq!(deeds.all(), ["greet", "greet", "leaves"]);
}
