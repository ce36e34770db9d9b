//! The places where a wait may stand. In each of them it suspends the handler: nothing behind it runs, nothing is logged, and
//! the next invocation goes on.

use std::time::{Duration, Instant};

use super::{
    execution::{Deeds, Execution},
    service::Service,
};
use crate::support::{Function, needs::has, processes, until};

/// An invocation that is over sooner has not waited for its deadline.
const SOON: Duration = Duration::from_secs(20);

/// A handler, its answer, and how often it is suspended.
type Row<'a> = (&'a str, &'a str, usize);

/// Runs the function to its end. The deed "after" stands behind the first wait.
fn check(row: &Row, deeds: &Deeds, function: impl Fn() -> Function) {
    let (text, answer, suspensions) = row;
    let service = Service::start();
    let mut execution = Execution::of(service.clone(), function);
    for number in 1..=*suspensions {
        let began = Instant::now();
        let ended = execution.invoke("input").unwrap();
        assert_eq!(ended["Status"], "PENDING", "{text}: {number}: {ended}, {}", execution.log());
        assert!(began.elapsed() < SOON, "{text}: {:?}", began.elapsed());
        assert_eq!(execution.log(), "", "{text}: {number}");
        assert!(number > 1 || deeds.count("after") == 0, "{text}: {:?}", deeds.all());
        service.let_time_pass();
    }
    let ended = execution.invoke("input").unwrap();
    assert_eq!(
        (&ended["Status"], &ended["Result"]),
        (&"SUCCEEDED".into(), &(*answer).into()),
        "{text}: {ended}, {}",
        execution.log()
    );
    assert!(deeds.count("after") > 0, "{text}");
    execution.recovers();
}

/// The same in a Bash function, whose worker stays.
fn check_in_function(row: &Row) {
    let deeds = Deeds::new();
    let script = format!(
        "did() {{ echo \"$1\" >>\"$DEEDS\"; }}\nexport -f did\nhandler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n\
         did \"worker $$\"\n{}\n}}",
        row.0
    );
    check(row, &deeds, || Function::bash(&script).env("DEEDS", &deeds.path()));
    let workers = deeds.all().into_iter().filter(|deed| deed.starts_with("worker "));
    assert_eq!(workers.collect::<std::collections::BTreeSet<_>>().len(), 1, "{}", row.0);
}

#[test]
fn a_wait_suspends_wherever_it_stands_in_a_function() {
    for row in [
        ("durable wait 1h; did after; echo end", "end", 1),
        ("set +e; durable wait 1h; did after; echo end", "end", 1),
        ("durable wait 1h || true; did after; echo end", "end", 1),
        ("durable wait 1h && did after; echo end", "end", 1),
        ("if durable wait 1h; then did after; echo end; else did after; echo no; fi", "end", 1),
        ("if ! durable wait 1h; then did after; echo no; else did after; echo end; fi", "end", 1),
        ("x=$(durable wait 1h; did after; echo in); echo \"$x\"", "in", 1),
        ("x=$(y=$(durable wait 1h; echo in); echo \"$y\"); did after; echo \"$x\"", "in", 1),
        ("cat <<<\"$(durable wait 1h; did after; echo in)\"", "in", 1),
        ("case $(durable wait 1h; echo a) in a) did after; echo end ;; esac", "end", 1),
        ("durable wait 1h | cat; did after; echo end", "end", 1),
        ("{ durable wait 1h; echo in; } | { read -r x; did after; echo \"$x\"; }", "in", 1),
        ("printf 'a\\n' | durable wait 1h; did after; echo end", "end", 1),
        ("printf 'a\\n' | { durable wait 1h; did after; cat; }", "a", 1),
        ("seq 100000 | { durable wait 1h; did after; tail -n 1; }", "100000", 1),
        ("durable wait 1h | tee >(cat >&2); did after; echo end", "end", 1),
        ("{ durable wait 1h; echo in; } | tee >(cat >/dev/null) | cat; did after", "in", 1),
        (
            "f=$DEEDS.fifo; [[ -p $f ]] || mkfifo \"$f\"; { durable wait 1h; echo in; } >\"$f\" & cat <\"$f\"; did after",
            "in",
            1,
        ),
        ("( durable wait 1h; did after ); echo end", "end", 1),
        ("( ( durable wait 1h ) || true ); did after; echo end", "end", 1),
        ("cat <(durable wait 1h; did after; echo in)", "in", 1),
        ("mapfile -t x < <(durable wait 1h; did after; echo in); echo \"${x[0]}\"", "in", 1),
        ("eval 'durable wait 1h'; did after; echo end", "end", 1),
        ("source <(echo 'durable wait 1h'); did after; echo end", "end", 1),
        ("f() { durable wait 1h; did after; }; f; echo end", "end", 1),
        ("echo 1h | xargs durable wait; did after; echo end", "end", 1),
        ("echo 1h | xargs -n 1 -P 4 durable wait; did after; echo end", "end", 1),
        ("timeout 100 durable wait 1h; did after; echo end", "end", 1),
        ("timeout 100 durable wait 1h || true; did after; echo end", "end", 1),
        ("setsid --wait durable wait 1h; did after; echo end", "end", 1),
        ("nice env A=b durable wait 1h; did after; echo end", "end", 1),
        ("command durable wait 1h; did after; echo end", "end", 1),
        ("bash -c 'durable wait 1h; did after'; echo end", "end", 1),
        ("bash -c 'durable wait 1h || true; did after' | cat; echo end", "end", 1),
        ("sh -c 'x=$(durable wait 1h); exit 0'; did after; echo end", "end", 1),
        ("find /proc/self/status -exec durable wait 1h \\;; did after; echo end", "end", 1),
        ("for i in 1 2 3; do durable wait 1h; did after; done; echo end", "end", 3),
        ("i=0; until ((i == 2)); do durable wait 1h; i=$((i + 1)); did after; done; echo end", "end", 2),
        ("printf 'a\\nb\\n' | while read -r x; do durable wait 1h; did after; echo \"$x\"; done", "a\nb", 2),
        ("while read -r x; do durable wait --name \"$x\" 1h; did after; echo \"$x\"; done <<<$'a\\nb'", "a\nb", 2),
        ("trap 'did trapped; exit 1' EXIT; durable wait 1h; did after; trap - EXIT; echo end", "end", 1),
        ("trap '' TERM HUP INT; durable wait 1h; did after; echo end", "end", 1),
        ("trap 'did trapped; exit 0' TERM ERR; durable wait 1h || exit 0; did after; echo end", "end", 1),
        ("durable wait 1h & wait; did after; echo end", "end", 1),
        ("durable wait 1h & wait $!; did after; echo end", "end", 1),
        ("durable wait --name a 1h & durable wait --name b 1h & wait; did after; echo end", "end", 1),
        ("coproc durable wait 1h; wait; did after; echo end", "end", 1),
        ("durable context c bash -c 'durable wait 1h; did after; echo in'", "in", 1),
        ("f() { durable wait 1h; did after; echo in; }; x=$(durable context c f); echo \"$x\"", "in", 1),
        ("f() { durable context d g; }; g() { durable wait 1h; did after; echo in; }; durable context c f", "in", 1),
        (
            "f() { durable wait 1h; echo \"$1\"; }; { durable context a f 1 & durable context b f 2 & wait; } | sort; did after",
            "1\n2",
            1,
        ),
        (
            "durable step s --retry 2 --backoff 1h bash -c '((DURABLE_ATTEMPT == 3)) && echo third'; did after",
            "third",
            2,
        ),
        (
            "f() { ((DURABLE_ATTEMPT == 2)) && echo second; }; x=$(durable step s --retry 1 f) || x=no; did after; echo \"$x\"",
            "second",
            1,
        ),
        ("durable until u --every 1h bash -c 'echo $((DURABLE_STATE + 1)); ((DURABLE_STATE == 2))'; did after", "3", 2),
    ] {
        check_in_function(&row);
    }
}

#[test]
fn a_wait_suspends_wherever_a_program_starts_it() {
    let python = "#!/usr/bin/env python3\nimport os, subprocess, sys, threading\n\
        def did(deed):\n    with open(os.environ['DEEDS'], 'a') as f: f.write(deed + '\\n')\n\
        if sys.argv[1] == 'fine': print('fine'); sys.exit()\n";
    let perl = "#!/usr/bin/env perl\nuse strict; $| = 1;\n\
        sub did { open(my $f, '>>', $ENV{DEEDS}) or die; print $f \"$_[0]\\n\"; close $f; }\n\
        if ($ARGV[0] eq 'fine') { print 'fine'; exit; }\n";
    let node = "#!/usr/bin/env node\nconst fs = require('fs'), cp = require('child_process');\n\
        const did = (deed) => fs.appendFileSync(process.env.DEEDS, deed + '\\n');\n\
        if (process.argv[2] === 'fine') { console.log('fine'); process.exit(); }\n";
    let bash = "#!/usr/bin/env bash\nset -euo pipefail\ndid() { echo \"$1\" >>\"$DEEDS\"; }\n\
        [[ $1 != fine ]] || { echo fine; exit; }\n";
    let sh = "did() { echo \"$1\" >>\"$DEEDS\"; }\n[ \"$1\" != fine ] || { echo fine; exit; }\n";
    for (interpreter, head, name, text) in [
        ("bash", bash, "f.sh", "durable wait 1h\ndid after\necho end"),
        (
            "bash",
            bash,
            "f.sh",
            "trap 'did trapped; exit 1' EXIT\nx=$(durable wait 1h || true)\ndid after\ntrap - EXIT\necho end",
        ),
        ("bash", bash, "f.sh", "durable wait 1h &\nwait\ndid after\necho end"),
        ("bash", bash, "f.sh", "exec durable context c bash -c 'durable wait 1h; echo after >>\"$DEEDS\"; echo end'"),
        ("sh", sh, "f.sh", "durable wait 1h | cat\ndid after\necho end"),
        ("python3", python, "f.py", "subprocess.run(['durable', 'wait', '1h'])\ndid('after')\nprint('end')"),
        (
            "python3",
            python,
            "f.py",
            "try:\n    subprocess.check_output(['durable', 'wait', '1h'], stderr=subprocess.STDOUT)\nfinally:\n    did('after')\nprint('end')",
        ),
        (
            "python3",
            python,
            "f.py",
            "p = subprocess.Popen('durable wait 1h; cat', shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)\nout, _ = p.communicate(b'end')\ndid('after')\nprint(out.decode())",
        ),
        (
            "python3",
            python,
            "f.py",
            "def waits(name):\n    subprocess.run(['durable', 'wait', '1h', '--name', name], check=True)\n    did('after')\nthreads = [threading.Thread(target=waits, args=(n,)) for n in 'abc']\n[t.start() for t in threads]\n[t.join() for t in threads]\nprint('end')",
        ),
        (
            "python3",
            python,
            "f.py",
            "try:\n    subprocess.run(['durable', 'wait', '1h'], timeout=60)\nexcept Exception:\n    did('after')\ndid('after')\nprint('end')",
        ),
        ("perl", perl, "f.pl", "system('durable', 'wait', '1h') == 0 or die; did('after'); print 'end';"),
        ("perl", perl, "f.pl", "my $x = `durable wait 1h; echo end`; did('after'); print $x;"),
        (
            "perl",
            perl,
            "f.pl",
            "eval { open(my $p, '-|', 'durable wait 1h; echo end') or die; my $x = <$p>; did('after'); print $x; };",
        ),
        ("node", node, "f.js", "cp.execFileSync('durable', ['wait', '1h']); did('after'); console.log('end')"),
        (
            "node",
            node,
            "f.js",
            "cp.spawn('durable', ['wait', '1h'], { stdio: 'inherit' }).on('exit', () => { did('after'); console.log('end') })",
        ),
        (
            "node",
            node,
            "f.js",
            "(async () => { const run = require('util').promisify(cp.exec); const all = await Promise.all(['a', 'b'].map((n) => run(`durable wait 1h --name ${n}; echo ${n}`))); did('after'); console.log(all.length === 2 ? 'end' : all) })()",
        ),
    ] {
        if !has(interpreter) {
            continue;
        }
        let (deeds, row) = (Deeds::new(), (text, "end", 1));
        let program = || Function::with(&[(name, &format!("{head}{text}\n"))]).handler(name);
        check(&row, &deeds, || program().env("DEEDS", &deeds.path()));
    }
}

#[test]
fn work_beside_a_wait_is_finished_first() {
    for (text, suspensions) in [
        ("durable wait 1h & { sleep 0.5; did work; }; wait; did after; echo end", 1),
        ("{ sleep 0.5; did work; } & durable wait 1h; wait; did after; echo end", 1),
        ("{ sleep 0.5; did work; } & durable wait 1h & wait; did after; echo end", 1),
        (
            "durable wait 1h & bash -c 'for ((i = 0; i < 200000; i++)); do :; done; did work'; wait; did after; echo end",
            1,
        ),
        ("durable wait 1h & durable step s bash -c 'sleep 0.5; did work'; wait; did after; echo end", 1),
        ("f() { sleep 0.5; did work; }; durable wait 1h & durable step s f; wait; did after; echo end", 1),
        ("{ sleep 0.5; did work; } | { durable wait 1h; cat; did after; echo end; }", 1),
        ("durable context c bash -c 'durable wait 1h' & sleep 0.5; did work; wait; did after; echo end", 1),
        (
            "durable wait 1h & durable step s --retry 1 bash -c 'did work; ((DURABLE_ATTEMPT == 2))'; wait; did after; echo end",
            1,
        ),
    ] {
        let deeds = Deeds::new();
        let script = format!(
            "did() {{ echo \"$1\" >>\"$DEEDS\"; }}\nexport -f did\nhandler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n\
             [[ ! -e $DEEDS ]] || did \"work $(grep -c work \"$DEEDS\")\"\n{text}\n}}"
        );
        check(&(text, "end", suspensions), &deeds, || Function::bash(&script).env("DEEDS", &deeds.path()));
        assert!(deeds.all().contains(&"work 1".to_owned()), "{text}: {:?}", deeds.all());
    }
}

/// Each of these is told by the end of the wait, should it see that.
#[test]
fn no_process_sees_another_ended_by_a_suspension() {
    let many = "for i in {1..150}; do READER <&0 & done; wait";
    for reader in [
        "{ read -r x || did after; }",
        "setsid bash -c 'read -r x || did after'",
        "setsid bash -c 'set -m; bash -c \"trap \\\"did after\\\" HUP; read -r x || did after\" & wait'",
    ] {
        let text = format!("durable wait 1h | {{ {}; }}; echo end", many.replace("READER", reader));
        let row = (text.as_str(), "end", 1);
        check_in_function(&row);
        let deeds = Deeds::new();
        let program = format!(
            "#!/usr/bin/env bash\ndid() {{ echo \"$1\" >>\"$DEEDS\"; }}\nexport -f did\n[[ $1 != fine ]] || {{ echo fine; exit; }}\n{text}"
        );
        check(&row, &deeds, || Function::with(&[("f.sh", &program)]).handler("f.sh").env("DEEDS", &deeds.path()));
    }
}

/// It is neither below the handler nor a child that the handler waits for.
#[test]
fn a_wait_that_has_lost_its_parents_does_not_suspend_a_handler_that_works() {
    let body = "( (sleep 0.2; exec durable wait 1h) & )\nsleep 1\ndid after\necho end";
    let head = "did() { echo \"$1\" >>\"$DEEDS\"; }\n";
    let program = format!("#!/usr/bin/env bash\n{head}[[ $1 != fine ]] || {{ echo fine; exit; }}\n{body}");
    let function = format!("{head}handler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n{body}\n}}");
    let row = (body, "end", 0);
    let deeds = Deeds::new();
    check(&row, &deeds, || Function::bash(&function).env("DEEDS", &deeds.path()));
    check(&row, &deeds, || Function::with(&[("f.sh", &program)]).handler("f.sh").env("DEEDS", &deeds.path()));
}

#[test]
fn a_wait_that_nobody_waits_for_ends_with_its_handler() {
    let body = "( echo $BASHPID >>\"$DEEDS.wait\"; set +e; durable wait 1h; did wrong ) &\nsleep 60 >/dev/null 2>&1 &\n\
                echo $! >>\"$DEEDS.work\"\nsleep 0.5\ndid after\necho end";
    let head = "did() { echo \"$1\" >>\"$DEEDS\"; }\n";
    let program = format!("#!/usr/bin/env bash\n{head}[[ $1 != fine ]] || {{ echo fine; exit; }}\n{body}");
    let function = format!("{head}handler() {{\n[[ $1 != fine ]] || {{ echo fine; return; }}\n{body}\n}}");
    let deeds = Deeds::new();
    let pids = |of: &str| {
        let text = std::fs::read_to_string(format!("{}.{of}", deeds.path())).unwrap();
        text.lines().map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()
    };
    for make in [&(|| Function::bash(&function)) as &dyn Fn() -> Function, &|| {
        Function::with(&[("f.sh", &program)]).handler("f.sh")
    }] {
        let mut execution = Execution::of(Service::start(), || make().env("DEEDS", &deeds.path()));
        assert_eq!(execution.invoke("input").unwrap()["Status"], "SUCCEEDED");
        until("the end of the wait", || pids("wait").into_iter().all(processes::has_ended));
        // other work is left as it is
        let work = *pids("work").last().unwrap();
        assert!(!processes::has_ended(work));
        processes::kill(work, processes::SIGKILL);
        execution.recovers();
        assert_eq!(execution.log(), "");
    }
    assert_eq!(deeds.all(), ["after", "after"]);
}
