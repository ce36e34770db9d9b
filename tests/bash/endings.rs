//! How handlers and files end: what an error says of it, and what the log has by then.

use crate::support::{Function, Running};

/// The error of a handler's body, which a second event gives, too.
fn error_of(body: &str) -> (Running, String, Vec<String>) {
    let function = Function::bash(&format!("handler() {{\n{body}\n}}\n")).start();
    let error = function.error("{}");
    let again = function.error("{}");
    assert_eq!((&error.message, &error.stack), (&again.message, &again.stack), "{body}");
    (function, error.message, error.stack)
}

#[test]
fn an_error_names_the_command_that_gave_the_status() {
    for (body, message) in [
        ("[[ $1 == x ]] && echo yes", "status 1 at `[[ $1 == x ]]`"),
        ("grep -q x /dev/null && echo yes", "status 1 at `grep -q x /dev/null`"),
        ("(( 0 )) && echo yes", "status 1 at `(( 0 ))`"),
        ("return 7", "status 7"),
        ("true; ! true", "status 1 at `true`"),
        ("echo a\n(( 0 ))", "status 1 at line 3: `(( 0 ))`"),
        ("echo a\n((0))", "status 1 at line 3: `((0))`"),
        ("true | grep -q x", "status 1 at line 2: `grep -q x`"),
        ("false | true", "status 1 at line 2: `... | true`"),
        ("echo a\ntrue | false | cat -n", "status 1 at line 3: `... | cat -n`"),
        ("true | true; [[ a == b ]]", "status 1 at line 2: `[[ a == b ]]`"),
    ] {
        assert_eq!(error_of(body).1, format!("the handler ended with {message}"), "{body}");
    }
}

#[test]
fn a_redirection_that_fails_blames_no_other_command() {
    for (body, line) in [
        ("while read -r l; do :; done < /no/such", 2),
        ("echo before\nwhile read -r l; do :; done < /no/such", 3),
        ("echo before\n{ echo a; } < /no/such", 3),
        ("echo before\nif true; then echo a; fi < /no/such", 3),
        ("echo before\necho a < /no/such", 3),
        ("echo before\n(echo a) < /no/such", 3),
    ] {
        let (_, message, stack) = error_of(body);
        let said = message.split(": ").next().unwrap();
        let known =
            [format!("the handler ended with status 1 at line {line}"), "the handler ended with status 1".into()];
        assert!(known.iter().any(|known| known == said), "{body}: {message}");
        assert!(!format!("{message} {stack:?}").contains("__lambda_"), "{body}: {message} {stack:?}");
        assert!(message.contains("/no/such: No such file"), "{body}: {message}");
    }
    let code = "#!/bin/bash\nset -e\necho before\nwhile read -r l; do :; done < /no/such\n";
    let program = Function::with(&[("job.sh", code)]).handler("job.sh").start();
    for _ in 0..2 {
        let message = program.error("{}").message;
        assert!(message.starts_with("the handler ended with status 1: ") && message.contains("line 4"), "{message}");
    }
}

#[test]
fn an_exit_that_says_its_status_has_no_stack() {
    for body in ["exit 1", "x=$(false) || :\nexit 1", "(false) & wait $! || exit 1", "set +e; false; exit 1"] {
        assert_eq!(error_of(body).2, Vec::<String>::new(), "{body}");
    }
}

#[test]
fn a_handler_that_kills_its_worker_has_lost_it() {
    for body in ["echo before; kill -9 $$", "echo before; kill -9 $$; exit 0", "kill -9 $$ & wait"] {
        let function = Function::bash(&format!("handler() {{ [[ $1 == fine ]] || {{ {body}; }}; }}")).start();
        for _ in 0..7 {
            let error = function.error("{}");
            assert_eq!(error.kind, "Runtime.WorkerExited", "{body}: {}", error.message);
        }
        assert_eq!(function.text("fine"), "");
    }
}

#[test]
fn a_killed_handler_is_logged_by_its_own_name() {
    for (signal, number) in [("KILL", 9), ("SEGV", 11), ("HUP", 1)] {
        let (function, message, _) = error_of(&format!("kill -{signal} $BASHPID"));
        assert!(message.starts_with(&format!("the handler was ended by signal: {number} (SIG{signal})")), "{message}");
        let file = function.task_root.path().join("function.sh").display().to_string();
        let line = format!("{file}: handler: ended by signal {number}\n");
        assert_eq!(function.log().matches(&line).count(), 2, "{}", function.log());
        assert!(!function.log().contains("__lambda_"), "{}", function.log());
    }
}

#[test]
fn filters_of_the_log_are_waited_for_behind_failures_too() {
    let read = "while read -r l; do sleep 0.1; echo \"log: $l\"";
    for filter in [
        format!("exec 3>&2 2> >({read} >&3; done)"),
        format!("exec 2> >({read} >&2; done)"),
        "exec 2> >(sleep 0.1; sed 's/^/log: /' >&2)".to_owned(),
    ] {
        let body = format!("{filter}; echo broken >&2; [[ $1 == fine ]]");
        let in_handler = Function::bash(&format!("handler() {{ {body}; }}\n"));
        let of_program = Function::with(&[("job.sh", &body)]).handler("job.sh");
        for (kind, function) in [("handler", in_handler), ("program", of_program)] {
            let function = function.start();
            for count in 1..=2 {
                let message = function.error("{}").message;
                assert!(message.contains("log: broken"), "{kind}, {filter}: {message}");
                assert_eq!(function.text("fine"), "");
                let logged = function.log().lines().filter(|line| *line == "log: broken").count();
                assert!(logged >= 2 * count, "{kind}, {filter}: {}", function.log());
            }
        }
    }
}

#[test]
fn a_filter_of_the_log_that_the_file_starts_is_waited_for_until_it_sleeps() {
    for filter in
        ["exec 3>&2 2> >(while read -r l; do echo \"log: $l\" >&3; done)", "exec 2> >(sed -u 's/^/log: /' >&2)"]
    {
        let code = format!("{filter}\nhandler() {{ echo \"broken $1\" >&2; [[ $1 == fine* ]]; }}\n");
        let function = Function::bash(&code).start();
        for event in 0..10 {
            let message = function.error(event.to_string()).message;
            assert!(message.contains(&format!("log: broken {event}")), "{filter}: {message}");
            assert_eq!(function.text(format!("fine {event}")), "");
            assert!(function.log().contains(&format!("log: broken fine {event}\n")), "{filter}: {}", function.log());
        }
    }
}

#[test]
fn descriptors_that_are_used_up_lose_no_answer() {
    let all = "while eval 'exec {fd}</dev/null'; do last=$fd; done 2>/dev/null || :\n";
    let mut heads: Vec<_> = [8, 9, 10, 11, 12, 14, 20].map(|limit| format!("ulimit -n {limit}\n")).into();
    for left in 0..8 {
        heads.push(format!(
            "ulimit -n 40\n{all}for ((i = 0; i < {left}; i++)); do eval \"exec $((last - i))<&-\"; done\n"
        ));
    }
    heads.push("for i in 3 4 5 6 7 8 9; do eval \"exec $i</dev/null\"; done\nulimit -n 10\n".to_owned());
    for head in heads {
        let code = format!("{head}handler() {{ [[ $1 != fail ]] || return 4; printf %s \"${{#1}}\"; }}\n");
        let function = Function::bash(&code).start();
        for event in ["small", &"x".repeat(200_000), "fail", "small"] {
            let post = function.post(crate::support::Event::new(event));
            let body = String::from_utf8_lossy(&post.body);
            let is_right = match event {
                "fail" => body.contains("ended with status 4"),
                event => post.kind == "response" && body == event.len().to_string(),
            };
            assert!(is_right || body.contains("Runtime.ResourceExhausted"), "{head}: {body} {}", function.log());
        }
    }
}

#[test]
fn a_file_that_cannot_be_loaded_is_named() {
    let library = ("lib/b.sh", "x=1\nsource missing.sh\n");
    for (text, places) in [
        ("handler() { :; }\n[[ -n ${NO_SUCH-} ]] && set -x\n", &["function.sh"][..]),
        ("handler() { :; }\ncd /no/such || return\n", &["function.sh"]),
        ("handler() { :; }\ncd /no/such\n", &["at line 2 of ", "function.sh: `cd /no/such`"]),
        ("source lib/b.sh\nhandler() { :; }\n", &["function.sh", "lib/b.sh: line 2: missing.sh"]),
        ("trap 'echo E' ERR\nhandler() { :; }\nfalse\n", &["in ", "function.sh"]),
        ("handler() { :; }\nreturn 3\n", &["function.sh"]),
        ("trap 'echo E' ERR\nhandler() { :; }\n/bin/sh -c 'exit 7'\n", &["exit status: 7", "function.sh"]),
        ("f() { false; }\nf\n", &["at line 1 of ", "function.sh: `false`"]),
    ] {
        let error = Function::with(&[("function.sh", text), library]).handler("function.handler").init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed", "{text}");
        for place in places {
            assert!(error.message.contains(place), "{text}: {}", error.message);
        }
        assert!(!error.message.contains("__lambda_"), "{text}: {}", error.message);
    }
}

#[test]
fn a_hook_for_the_shutdown_and_a_trap_are_the_files_own() {
    let code = "trap 'echo trapped >&2; exit' TERM\non_shutdown() { trap -p TERM >&2; wait $daemon 2>/dev/null; echo hook >&2; }\n\
                (sleep 0.2) &\ndaemon=$!\nhandler() { trap -p TERM; echo \"$1\"; }\n";
    let mut function = Function::bash(code).start();
    for event in ["1", "2"] {
        assert!(function.text(event).ends_with(event));
    }
    function.terminate();
    assert_eq!(function.wait().code(), Some(0));
    let log = function.log();
    assert!(log.contains("trap -- 'echo trapped >&2; exit' SIGTERM\nhook\n"), "{log}");
    assert!(log.contains("trapped\n"), "{log}");
}
