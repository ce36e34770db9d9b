//! Programs as handlers: any file that runs in a terminal, started afresh for each event.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{Event, Function, Running, needs::has, until};

const MIB: usize = 1024 * 1024;

/// A program of this name and text, which is its own handler.
fn program(name: &str, text: &str) -> Function {
    Function::with(&[(name, text)]).handler(name)
}

/// The same for an interpreter that may not be here.
fn program_for(interpreter: &str, name: &str, text: &str) -> Option<Function> {
    has(interpreter).then(|| program(name, text))
}

/// Runs two events and gives the second answer.
fn twice(function: &Running, event: &str) -> String {
    function.text(event);
    function.text(event)
}

#[test]
fn runs_by_the_interpreter_of_the_first_line() {
    for (interpreter, name, text) in [
        ("bash", "a.sh", "#!/bin/bash\nread -r line; printf '%s|%s' \"$1\" \"$line\"\n"),
        ("bash", "no-extension", "#!/usr/bin/env bash\nread -r line; printf '%s|%s' \"$1\" \"$line\"\n"),
        ("bash", "no-first-line.sh", "read -r line; printf '%s|%s' \"$1\" \"$line\"\n"),
        ("sh", "b.sh", "#!/bin/sh -e\nread -r line; printf '%s|%s' \"$1\" \"$line\"\n"),
        (
            "python3",
            "c.sh",
            "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1] + '|' + sys.stdin.read(), end='')\n",
        ),
        ("perl", "cgi-bin/app.pl", "#!/usr/bin/env perl\nmy $line = <STDIN>; print \"$ARGV[0]|$line\";\n"),
        (
            "node",
            "tool.js",
            "#!/usr/bin/env node\nprocess.stdout.write(process.argv[2] + '|' + require('fs').readFileSync(0, 'utf8'))\n",
        ),
        ("awk", "report.awk", "#!/usr/bin/env -S awk -f\nBEGIN { getline line < \"-\"; print ARGV[1] \"|\" line }\n"),
    ] {
        let Some(function) = program_for(interpreter, name, text) else { continue };
        assert_eq!(twice(&function.start(), r#"{"n": 1}"#), r#"{"n": 1}|{"n": 1}"#, "{name}");
    }
}

#[test]
fn runs_a_binary_that_may_be_executed() {
    let function = program("bin/cat", "");
    let file = function.path("bin/cat");
    fs::copy("/bin/cat", &file).unwrap();
    let function = function.start();
    let error = function.error("{}");
    assert!(error.message.starts_with("the handler ended with status 1: "), "{}", error.message);

    let function = program("tool", "");
    fs::copy("/bin/echo", function.path("tool")).unwrap();
    assert_eq!(twice(&function.start(), "an event"), "an event");

    let function = program("tool", "");
    fs::copy("/bin/echo", function.path("tool")).unwrap();
    fs::set_permissions(function.path("tool"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert_eq!(error.message, "`tool` may not be executed: run `chmod +x tool` before it is copied");
}

#[test]
fn a_program_has_its_own_defaults() {
    let code = "grep -q nothing /dev/null\necho \"$- ${unset_variable}\"; false | true; echo \"went on $?\"\n";
    let answer = program("a.sh", code).start().text("{}");
    assert!(answer.ends_with(" \nwent on 0"), "{answer}");
    for option in ["e", "u"] {
        assert!(!answer.lines().next().unwrap().contains(option), "{answer}");
    }
}

#[test]
fn a_program_is_a_process_of_its_own() {
    let code = "mkdir \"job.$$\"; echo \"$SECONDS $BASHPID $$ $0 $# ${BASH_SOURCE[0]} ${FUNCNAME[0]-none}\"\n";
    let function = program("report.sh", code);
    let file = function.path("report.sh").display().to_string();
    let function = function.start();
    for _ in 0..3 {
        let answer = function.text("{}");
        let words: Vec<_> = answer.split(' ').collect();
        assert_eq!(words[0], "0");
        assert_eq!(words[1], words[2]);
        assert_eq!(&words[3..], [&file, "1", &file, "none"]);
    }
}

#[test]
fn its_exit_status_decides() {
    let code = "echo partial; echo log >&2\ncase $1 in kill) kill -9 $$ ;; *) exit \"$1\" ;; esac\n";
    let function = program("a.sh", code).start();
    for (status, message) in [
        ("3", "the handler ended with status 3: log"),
        ("137", "the handler ended with status 137: log"),
        ("255", "the handler ended with status 255: log"),
    ] {
        let error = function.error(status);
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("Function.ExitStatus", message));
        assert_eq!(error.stack, Vec::<String>::new());
    }
    let error = function.error("kill");
    assert_eq!(error.kind, "Function.Signal");
    assert_eq!(error.message, "the handler was ended by signal: 9 (SIGKILL)");
    assert_eq!(function.text("0"), "partial");
}

#[test]
fn a_bash_program_says_which_command_failed() {
    let code = "set -euo pipefail\nfetch() {\n  cat /no/such\n}\nmain() {\n  [[ $1 == ok ]] || fetch\n}\nmain \"$@\"\n";
    let function = program("job.sh", code);
    let file = function.path("job.sh").display().to_string();
    let function = function.start();
    for _ in 0..2 {
        let error = function.error("fail");
        assert_eq!(
            error.message,
            "the handler ended with status 1 at line 3: `cat /no/such`: cat: /no/such: No such file or directory"
        );
        let frames = [("fetch", 3), ("main", 6), ("main", 8)];
        assert_eq!(error.stack, frames.map(|(name, line)| format!("at {name}, {file}: line {line}")));
        assert_eq!(function.text("ok"), "");
    }
}

#[test]
fn a_stack_is_that_of_the_innermost_command_that_led_to_the_end() {
    let (inner, at_inner) = (&[("inner", 2), ("main", 5), ("main", 7)][..], " at line 2: `false`");
    for (body, last, place, frames) in [
        ("inner", "", at_inner, inner),
        ("x=$(inner)", "", at_inner, inner),
        ("(inner)", "", at_inner, inner),
        ("inner", "false", " at line 8: `false`", &[("main", 8)]),
        ("inner | cat; inner", "", at_inner, inner),
        ("((0))", "", " at line 5: `((0))`", &[("main", 5), ("main", 7)]),
        ("[[ a == b ]]", "", " at line 5: `[[ a == b ]]`", &[("main", 5), ("main", 7)]),
        ("set -o pipefail\nfalse | cat", "", " at line 6: `... | cat`", &[("main", 6), ("main", 8)]),
    ] {
        let code = format!("inner() {{\nfalse\n}}\nmain() {{\n{body}\n}}\nmain\n{last}\n");
        let function = program("job.sh", &code);
        let file = function.path("job.sh").display().to_string();
        let function = function.start();
        for _ in 0..2 {
            let error = function.error("{}");
            let frames = frames.iter().map(|(name, line)| format!("at {name}, {file}: line {line}"));
            assert_eq!(error.message, format!("the handler ended with status 1{place}"), "{body}");
            assert_eq!(error.stack, frames.collect::<Vec<_>>(), "{body}");
        }
    }
}

#[test]
fn a_failure_that_the_program_went_on_from_is_no_cause() {
    let function = program("job.sh", "false\ngrep -q x /dev/null\nexit 5\n").start();
    let error = function.error("{}");
    assert_eq!((error.message.as_str(), error.stack.len()), ("the handler ended with status 5", 0));
}

#[test]
fn nothing_of_ours_is_seen_by_a_program_and_its_children() {
    let probe = "env | sort | grep -v -e ^_= -e ^SHLVL= -e AWS_LAMBDA_ -e _X_AMZN -e ^SCRIPT_RUNTIME; bash -c 'trap -p ERR DEBUG RETURN EXIT; echo $-'; ls /proc/self/fd | wc -l; echo \"$_\"\n";
    let function = program("a.sh", probe);
    let file = function.path("a.sh");
    let root = function.path("");
    let function = function.env("BASH_ENV", "").start();
    let here = Command::new("bash")
        .arg(&file)
        .arg("{}")
        .env_clear()
        .envs(["PATH", "HOME"].map(|name| (name, std::env::var(name).unwrap())))
        .env("BASH_ENV", "")
        .env("LAMBDA_TASK_ROOT", root.to_str().unwrap().trim_end_matches('/'))
        .env("_HANDLER", "a.sh")
        .current_dir(root)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let here = String::from_utf8(here.stdout).unwrap();
    assert_eq!(function.text("{}"), here.trim_end());
}

#[test]
fn the_users_own_bash_env_is_read_and_stays() {
    let function = program("a.sh", "echo \"$GREETING $BASH_ENV\"\nbash -c 'echo \"child $GREETING\"'\n")
        .file("it's.env", "GREETING=hello\n");
    let own = function.path("it's.env").display().to_string();
    let function = function.env("BASH_ENV", &own).start();
    assert_eq!(twice(&function, "{}"), format!("hello {own}\nchild hello"));
}

#[test]
fn an_event_over_the_limit_of_an_argument_comes_on_standard_input_alone() {
    let function = program("a.sh", "echo \"$# $(wc -c)\"\n").start();
    assert_eq!(function.text("x".repeat(128 * 1024 - 1)), format!("1 {}", 128 * 1024));
    for _ in 0..2 {
        assert_eq!(function.text("x".repeat(128 * 1024)), format!("0 {}", 128 * 1024 + 1));
    }
    assert_eq!(function.text("6 MiB".repeat(6 * MIB / 5)), format!("0 {}", 6 * MIB / 5 * 5 + 1));
    assert_eq!(function.log().matches("an argument at most 131071").count(), 1, "{}", function.log());
    let strict = program("b.sh", "set -u\necho \"$1\"\n").start();
    assert_eq!(strict.error("x".repeat(128 * 1024)).kind, "Function.ExitStatus");
    assert_eq!(strict.text("small"), "small");
}

#[test]
fn standard_input_is_a_file_that_ends_in_a_newline() {
    let code = "stat -L -c %F /dev/stdin; cat; printf x; head -c 3 /dev/stdin\n";
    let function = program("a.sh", code).start();
    assert_eq!(twice(&function, "ab"), "regular file\nab\nxab");
    assert_eq!(function.text("ab\n"), "regular file\nab\nxab");
    assert_eq!(function.text(""), "regular empty file\nx");
    assert_eq!(function.answer(b"a\0b"), b"regular file\na\0b\nxa\0b");
}

#[test]
fn takes_6_mib_and_refuses_more() {
    let function = program("a.sh", "head -c \"$1\" /dev/zero | tr '\\0' x; echo\n").start();
    assert_eq!(function.answer((6 * MIB).to_string()).len(), 6 * MIB);
    assert_eq!(function.error((6 * MIB + 1).to_string()).kind, "Function.ResponseSizeTooLarge");
    assert_eq!(function.text("3"), "xxx");
}

#[test]
fn sets_the_variables_of_an_event() {
    let function = program(
        "a.sh",
        "echo \"$AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID ${AWS_LAMBDA_RUNTIME_TENANT_ID-none} $PWD\"; cd /\n",
    );
    let root = function.path("").display().to_string();
    let root = root.trim_end_matches('/').to_owned();
    let function = function.start();
    let event = Event::new("{}").header("lambda-runtime-aws-tenant-id", "t");
    let id = function.api.send(event);
    assert_eq!(String::from_utf8(function.api.wait(&id).body).unwrap(), format!("{id} t {root}"));
    let id = function.api.send(Event::new("{}"));
    assert_eq!(String::from_utf8(function.api.wait(&id).body).unwrap(), format!("{id} none {root}"));
}

#[test]
fn a_child_in_the_background_neither_delays_nor_mixes() {
    let code = "case $1 in first) (trap '' PIPE; sleep 1; echo late 2>/dev/null; touch wrote) & echo now ;; *) until [[ -e wrote ]]; do sleep 0.01; done; echo later ;; esac\n";
    let function = program("a.sh", code).start();
    let began = std::time::Instant::now();
    assert_eq!(function.text("first"), "now");
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(function.text("second"), "later");
}

#[test]
fn a_deadline_lets_traps_run_and_ends_all() {
    let code = "[[ $1 == hang ]] || { echo fine; exit; }\nmkdir lock; trap 'rmdir lock' EXIT; trap 'exit 1' TERM\nsleep 1000 & wait\n";
    let function = program("a.sh", code).start();
    for _ in 0..2 {
        let error = function.error_to(Event::new("hang").deadline_in(Duration::from_secs(1)));
        assert_eq!(error.kind, "Runtime.DeadlineExceeded");
        assert_eq!(error.message, "the handler had not answered 0.2 s before its timeout of 1.0 s");
        assert!(!function.task_root.path().join("lock").exists(), "the trap has not run");
        assert_eq!(function.text("next"), "fine");
        until("the end of all", || function.children().is_empty());
    }
    let stubborn = program("b.sh", "[[ $1 == next ]] && exit\ntrap '' TERM; sleep 1000\n").start();
    let event = Event::new("{}").deadline_in(Duration::from_secs(1));
    assert_eq!(stubborn.error_to(event).kind, "Runtime.DeadlineExceeded");
    until("the end of all", || stubborn.children().is_empty());
    assert_eq!(stubborn.text("next"), "");
}

#[test]
fn what_does_not_say_how_it_runs_is_an_error_of_the_init() {
    for (name, text, kind, message) in [
        (
            "a.py",
            "print(1)\n",
            "Runtime.InvalidHandler",
            "`a.py` does not say what runs it: add a first line, as `#!/usr/bin/env python3`, or write FILE.FUNCTION \
             for a function of it",
        ),
        (
            "a.x",
            "#!/no/such/thing\n",
            "Runtime.InterpreterNotFound",
            "`a.x` asks in its first line for `/no/such/thing`, which is not there: add it to the image",
        ),
        (
            "a.x",
            "#!/usr/bin/env no-such-thing\n",
            "Runtime.InterpreterNotFound",
            "`a.x` asks in its first line for `no-such-thing`, which is not on the PATH: add it to the image",
        ),
        (
            "a.x",
            "#!/usr/bin/env bash -e\n",
            "Runtime.InterpreterNotFound",
            "`a.x` asks in its first line for `bash -e`, which is not on the PATH: write `#!/usr/bin/env -S bash -e`",
        ),
    ] {
        let error = program(name, text).init_error();
        assert_eq!((error.kind.as_str(), error.message.as_str()), (kind, message));
    }
    let directory = Function::with(&[("tool/inside", "")]).handler("tool").init_error();
    assert_eq!(directory.kind, "Runtime.HandlerNotFound");
}

/// The head of an ELF file: machine, kind, and a loader if there is one. `missing` bytes of the file are cut off.
fn elf(machine: u16, kind: u16, loader: &str, missing: usize) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let numbers = |bytes: &mut Vec<u8>, numbers: &[(u64, usize)]| {
        for (number, length) in numbers {
            bytes.extend(&number.to_le_bytes()[..*length]);
        }
    };
    let header =
        [(u64::from(kind), 2), (machine.into(), 2), (1, 4), (0, 8), (64, 8), (0, 8), (0, 4), (64, 2), (56, 2), (1, 2)];
    numbers(&mut bytes, &header);
    numbers(&mut bytes, &[(0, 6)]);
    let (segment, length) = if loader.is_empty() { (1, 120) } else { (3, loader.len() as u64 + 1) };
    let offset = if loader.is_empty() { 0 } else { 120 };
    numbers(&mut bytes, &[(segment, 4), (5, 4), (offset, 8), (0, 8), (0, 8), (length, 8), (length, 8), (4096, 8)]);
    bytes.extend(loader.as_bytes());
    bytes.push(0);
    bytes.truncate(bytes.len() - missing);
    bytes
}

#[test]
fn a_binary_that_this_machine_cannot_run_is_an_error_of_the_init() {
    let (own, other, name) = if cfg!(target_arch = "x86_64") { (62, 183, "aarch64") } else { (183, 62, "x86_64") };
    let here = std::env::consts::ARCH;
    let cases = [
        (elf(other, 2, "", 0), format!("is a program for {name}, and this image is for {here}: build it for {here}")),
        (
            elf(own, 2, "/lib/ld-none.so.1", 0),
            "wants the loader `/lib/ld-none.so.1`, which is not there; this image has `/lib".to_owned(),
        ),
        (elf(own, 2, "/usr", 0), "wants the loader `/usr`, which is a directory; ".to_owned()),
        (elf(own, 2, "", 10), "is cut off: its header speaks of 120 bytes and it has 111: copy it again".to_owned()),
        (elf(own, 2, "", 60), "is cut off: ".to_owned()),
        (b"\x7fELF".to_vec(), "is cut off: its header speaks of 52 bytes and it has 4: copy it again".to_owned()),
        (elf(own, 1, "", 0), "is an object file or a memory dump, not a program: link it".to_owned()),
        (elf(4711, 2, "", 0), "is a program for machine number 4711, and ".to_owned()),
        (b"MZ\x90\0".to_vec(), "is a program for Windows, and this is Linux for ".to_owned()),
        (b"\xcf\xfa\xed\xfe\x07".to_vec(), "is a program for macOS, and this is Linux for ".to_owned()),
    ];
    for (bytes, said) in cases {
        let function = program("tool", "").file("tool", bytes);
        fs::set_permissions(function.path("tool"), fs::Permissions::from_mode(0o755)).unwrap();
        let error = function.init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
        assert!(error.message.starts_with(&format!("`tool` {said}")), "{}", error.message);
    }
}

#[test]
fn an_interpreter_that_cannot_run_is_an_error_of_the_init() {
    let other = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
    for (mode, bytes, said) in [
        (0o755, &b"text"[..], "is no program: it begins neither with `#!` nor as an ELF file"),
        (0o644, b"#!/bin/sh\n", "may not be executed: run `chmod +x "),
        (0o755, b"#!/no/such\n", "asks in its first line for `/no/such`, which is not there: add it to the image"),
        (0o755, b"#!own\n", "asks in its first line for `own`, which "),
        (0o755, &elf(other, 2, "", 0), "is a program for "),
    ] {
        for first in ["#!own\n", "#!/usr/bin/env ./own\n"] {
            let function = program("a.x", first).file("own", bytes);
            fs::set_permissions(function.path("own"), fs::Permissions::from_mode(mode)).unwrap();
            let error = function.init_error();
            assert!(error.kind == "Runtime.HandlerLoadFailed" || mode == 0o644, "{error:?}");
            let on_the_path = mode == 0o644 && first.contains("env");
            assert!(error.message.contains(said) || on_the_path, "{}", error.message);
        }
    }
    let function = program("a.x", "#!own\n");
    std::os::unix::fs::symlink("/no/such/python3.11", function.path("own")).unwrap();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(
        error.message.ends_with("/own`, which is a broken link to `/no/such/python3.11`: add it to the image"),
        "{}",
        error.message
    );
    let error = program("a.x", "#!own\n").file("own/x", "").init_error();
    assert!(error.message.ends_with("/own`, which is a directory"), "{}", error.message);
}

#[test]
fn a_command_that_an_error_suggests_mends_the_file() {
    let texts = ["#!/bin/bash\r\nf() {\r\necho fine\r\n}\r\nf\r\n", "\u{feff}#!/bin/bash\nf() { echo fine; }\nf\n"];
    for (file, handler) in [
        ("report.sh", "report.sh"),
        ("my report (1).sh", "my report (1).sh"),
        ("it's.sh", "it's.sh"),
        ("a b/it's.sh", "a b/it's.f"),
    ] {
        for text in texts {
            let function = Function::with(&[(file, text)]).handler(handler);
            let output = function.once("{}", b"");
            let line = output.stderr.split(|&byte| byte == b'\n').next().unwrap();
            let said: serde_json::Value = serde_json::from_slice(line).unwrap();
            let message = said["errorMessage"].as_str().unwrap();
            let command = message.split("run `").nth(1).unwrap().split('`').next().unwrap();
            let mending = Command::new("bash").args(["-c", command]).current_dir(function.path("")).status();
            assert!(mending.unwrap().success(), "{command}");
            let output = function.once("{}", b"");
            assert!(String::from_utf8_lossy(&output.stdout).starts_with("fine"), "{command}: {output:?}");
        }
    }
}

#[test]
fn env_reads_its_own_options() {
    for (line, answer) in [
        ("-S bash", "set - -"),
        ("-S -u HOME bash", "none - -"),
        ("-S -C /tmp bash", "set - /tmp"),
        ("-S \"A=b c\" bash", "set b c -"),
        ("-S \"A=b\\_c\" bash", "set b c -"),
        ("-S A=${HOME} bash", "set /home -"),
        ("--split-string=A=x bash", "set x -"),
        ("-S -i PATH=/usr/bin:/bin bash", "none - -"),
        ("-S PATH=/usr/bin:/bin bash", "set - -"),
    ] {
        let code = format!(
            "#!/usr/bin/env {line}\nprintf '%s %s %s' \"${{HOME+set}}\" \"${{A--}}\" \"$PWD\" | sed \"s|^ |none |; s|$ROOT|-|\"\n"
        );
        let function = program("a.x", &code);
        let root = function.path("").display().to_string();
        let function = function.env("HOME", "/home").env("ROOT", root.trim_end_matches('/')).start();
        let expected = if line.contains("-i") { None } else { Some(answer) };
        let shown = twice(&function, "{}");
        assert!(expected.is_none_or(|expected| shown == expected), "{line}: {shown}");
        assert!(expected.is_some() || shown.starts_with("none - "), "{line}: {shown}");
    }
    for line in ["-S -u X no-such-command", "--no-such", "-S \"a", "-0 bash", "-S -u"] {
        let function = program("a.x", &format!("#!/usr/bin/env {line}\n")).start();
        for _ in 0..2 {
            let error = function.error("{}");
            assert!(
                error.kind == "Function.ExitStatus" && error.message.contains("env: "),
                "{line}: {}",
                error.message
            );
        }
    }
}

#[test]
fn the_exact_name_goes_before_every_other_reading() {
    for name in ["report (1).sh", "a'b.sh", "(x)", "'quoted", "a.ps1::b", "Module::a::b", "{}"] {
        let function = program(name, "#!/bin/sh\necho \"ran $1\"\n").start();
        assert_eq!(twice(&function, "{}"), "ran {}", "{name}");
    }
}

#[test]
fn a_file_that_only_defines_functions_is_named_once() {
    let hint = " WARN `orders.sh` ran as a program and answered nothing; it defines `list`: to call that, the handler is \
                `orders.list`\n";
    for (text, answer, log) in [
        ("list() {\n  echo orders\n}\n", "", hint),
        ("function list {\n:\n}", "", hint),
        ("x=1\nlist ()\n{\n:\n}", "", hint),
        ("function list() { :; }", "", hint),
        ("log() { :; }\n# the list\nlist() { log \"$1\"; }", "", hint),
        ("log() { :; }\nmain() { log \"$1\"; }\nmain \"$@\"", "", ""),
        ("list() { :; }\nx=$(list)", "", ""),
        ("list() { echo x; }\n[[ $1 == {} ]] && list\ntrue\n", "x", ""),
        (": 'a() {'\nx=$(:) || {\n:; }\n# list() {", "", ""),
    ] {
        let function = program("orders.sh", text).start();
        assert_eq!(twice(&function, "{}"), answer, "{text}");
        assert_eq!(function.log(), log, "{text}");
    }
}

#[test]
fn several_run_at_the_same_time() {
    let code = "touch \"$1\"; until [[ -e a && -e b ]]; do sleep 0.01; done; echo \"$1\"\n";
    let function = program("a.sh", code).env("AWS_LAMBDA_MAX_CONCURRENCY", "2").start();
    let ids = ["a", "b"].map(|name| function.api.send(Event::new(name)));
    for (id, name) in ids.iter().zip(["a", "b"]) {
        assert_eq!(function.api.wait(id).body, name.as_bytes());
    }
}

#[test]
fn a_file_with_many_functions_starts_at_once() {
    let functions = (0..6000).map(|number| format!("step_{number}() {{\n    : step_{number}\n}}\n"));
    let file = format!("#!/usr/bin/env bash\n{}echo started\n", functions.collect::<Vec<_>>().concat());
    let began = Instant::now();
    assert_eq!(twice(&program("many.sh", &file).start(), "{}"), "started");
    // a search of the whole file for each of them takes more than a minute
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
