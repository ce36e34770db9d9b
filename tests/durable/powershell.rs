//! The commands of PowerShell: values and errors that are the same in replays, and suspension that no `catch` takes.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    execution::{Deeds, End, Execution},
    service::Service,
};
use crate::support::Function;

/// In front of each handler. A note is a line among the deeds.
const NOTE: &str = r#"
function Note($Text) { [IO.File]::AppendAllText($env:DEEDS, "$Text`n") }
function Shown($Value) {
    if ($null -eq $Value) { return 'nothing' }
    "$($Value.GetType().Name) $(Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $Value -Compress -Depth 9)"
}
"#;

/// A module whose function `Invoke-It` is this, with further code in front of it.
fn module(code: &str, body: &str) -> String {
    format!("{NOTE}{code}\nfunction Invoke-It($Data) {{\n{body}\n}}\nExport-ModuleMember Invoke-It\n")
}

/// The end of one execution of a module, what it noted, and how its invocations ended.
struct Story {
    end: End,
    notes: Vec<String>,
    invocations: Vec<String>,
    service: Service,
}

fn story(text: &str) -> Story {
    let deeds = Deeds::new();
    let function =
        || Function::with(&[("m.psm1", text)]).handler("m.Invoke-It").env("DEEDS", &deeds.path()).env("NO_COLOR", "1");
    let mut execution = Execution::of(Service::start(), function);
    let end = execution.run("\"input\"");
    let (invocations, service) = (execution.invocations, execution.service);
    Story { end, notes: deeds.all(), invocations, service }
}

/// Runs these lines to a successful end: the notes.
fn notes(body: &str) -> Vec<String> {
    let story = story(&module("", body));
    assert_eq!(story.end, End::Succeeded("done\n".to_owned()), "{:?}", story.notes);
    story.notes
}

/// Runs code for each case of a table before a wait and after it: two equal notes for each.
fn check_table(cases: &[(&str, &str)], settings: &str, code: impl Fn(usize, &str) -> String) {
    let lines = cases.iter().enumerate().map(|(number, (block, _))| code(number, block));
    let body = format!("{}\nWait-Durable 1s\n'done'", lines.collect::<Vec<_>>().join("\n"));
    let story = story(&module(settings, &body));
    assert_eq!(story.end, End::Succeeded("done\n".to_owned()), "{:?}", story.notes);
    for (number, (block, expected)) in cases.iter().enumerate() {
        let head = format!("{number}: ");
        let notes = story.notes.iter().filter_map(|note| note.strip_prefix(&head));
        assert_eq!(notes.collect::<Vec<_>>(), [*expected, *expected], "{block}");
    }
}

/// Blocks and their results.
const VALUES: [(&str, &str); 31] = [
    ("", "nothing"),
    ("$null", "nothing"),
    ("@()", "nothing"),
    (",@()", "Object[] []"),
    ("''", "String \"\""),
    ("'text'", "String \"text\""),
    ("'5'", "String \"5\""),
    ("'null'", "String \"null\""),
    (r#"' a"b\c ü😀'"#, r#"String " a\"b\\c ü😀""#),
    ("5", "Int64 5"),
    ("-9223372036854775808", "Int64 -9223372036854775808"),
    ("1.5", "Double 1.5"),
    ("[bigint]::Pow(10, 20)", "BigInteger 100000000000000000000"),
    ("$true", "Boolean true"),
    ("@(1)", "Int64 1"),
    (",@(1)", "Object[] [1]"),
    ("1, 2, 3", "Object[] [1,2,3]"),
    (",@(1, 2)", "Object[] [1,2]"),
    ("$null, $null", "Object[] [null,null]"),
    ("[byte[]](1, 2)", "Object[] [1,2]"),
    ("@{ a = @{ b = ,@(1) } }", "PSCustomObject {\"a\":{\"b\":[[1]]}}"),
    ("[ordered]@{ z = 1; a = $null }", "PSCustomObject {\"z\":1,\"a\":null}"),
    ("[pscustomobject]@{ A = 'x'; B = @() }", "PSCustomObject {\"A\":\"x\",\"B\":[]}"),
    ("'{\"A\":1,\"a\":2}' | ConvertFrom-Json -AsHashtable", "OrderedHashtable {\"A\":1,\"a\":2}"),
    ("([datetime]'2026-01-02T03:04:05.678Z').ToUniversalTime()", "DateTime \"2026-01-02T03:04:05.678Z\""),
    ("@{ when = [datetime]'2026-01-02' }", "PSCustomObject {\"when\":\"2026-01-02T00:00:00\"}"),
    ("[DayOfWeek]::Friday", "Int64 5"),
    ("Write-Warning w; Write-Error e -ErrorAction Continue; Write-Host h; 'out'", "String \"out\""),
    ("& { 'o'; Write-Warning merged } 3>&1", "Object[] [\"o\",\"merged\"]"),
    ("return 7", "Int64 7"),
    ("exit", "nothing"),
];

fn value_of_step(number: usize, block: &str) -> String {
    format!("Note \"{number}: $(Shown (Invoke-DurableStep s{number} {{ {block} }}))\"")
}

#[test]
fn values_are_the_same_in_the_first_run_and_in_a_replay() {
    needs!(pwsh);
    // `Shown ( )` would take nothing for a missing argument
    check_table(&VALUES, "", |number, block| {
        format!("$v = Invoke-DurableStep s{number} {{ {block} }}; Note \"{number}: $(Shown $v)\"")
    });
}

#[test]
fn settings_of_the_file_reach_no_operation() {
    needs!(pwsh);
    let settings = "
        Set-StrictMode -Version Latest
        $global:PSDefaultParameterValues = @{ '*:ErrorAction' = 'Ignore'; '*:Depth' = 1; 'ForEach-Object:Process' = { } }
        $global:OFS = '-'
        $global:ErrorView = 'DetailedView'
        foreach ($name in 'ConvertTo-Json', 'ConvertFrom-Json', 'Write-Error', 'Out-Default', 'ForEach-Object', 'prompt') {
            Set-Item Function:global:$name { throw 'a function of the user' }
        }";
    let cases = [("'text'", "String \"text\""), ("1, 2", "Object[] [1,2]"), ("$true", "Boolean true")];
    check_table(&cases, settings, value_of_step);
}

/// Blocks and their errors: type and message.
const ERRORS: [(&str, &str); 13] = [
    ("throw [ArgumentException]::new('no good')", "ArgumentException|no good"),
    ("throw 'two words'", "RuntimeException|two words"),
    ("throw @{ Exception = 'My.Type'; Message = 'mine' }", "My.Type|mine"),
    ("throw 42", "Int32|42"),
    ("1 / 0; 'went on'", "RuntimeException|Attempted to divide by zero."),
    ("$ErrorActionPreference = 'Continue'; 1 / 0; 'went on'", "RuntimeException|Attempted to divide by zero."),
    ("Get-Item /nonexistent", "ItemNotFoundException|Cannot find path '/nonexistent' because it does not exist."),
    ("Write-Error 'stops'", "WriteErrorException|stops"),
    ("[IO.File]::ReadAllText('/nonexistent/x')", "MethodInvocationException|"),
    ("exit 3", "Function.ExitStatus|the block has run `exit 3`"),
    ("break", "Durable.Refused|`break` has left the block of an operation: use `return`"),
    ("$a = @{}; $a.a = $a; $a", "Durable.InvalidResult|the result is no JSON: "),
    ("'x' * 6291457", "Durable.ResultTooLarge|the result has more than 6291456 bytes: "),
];

#[test]
fn errors_are_the_same_in_the_first_run_and_in_a_replay() {
    needs!(pwsh);
    let caught = "\"$($_.FullyQualifiedErrorId)|$($_.Exception.Message)\"";
    let check = "$_.Exception.ErrorType -eq $_.CategoryInfo.Reason -and \"$_\" -eq $_.Exception.Message";
    let body: Vec<_> = ERRORS
        .iter()
        .enumerate()
        .map(|(number, (block, _))| {
            format!(
                "try {{ Invoke-DurableStep s{number} {{ {block} }} -ErrorAction Ignore; Note '{number}: went on' }}
                 catch {{ Note \"{number}: $({caught} -replace '\\n.*')\"; if (-not ({check})) {{ Note \"{number}: other\" }} }}"
            )
        })
        .collect();
    let notes = notes(&format!("{}\nWait-Durable 1s\n'done'", body.join("\n")));
    for (number, (block, expected)) in ERRORS.iter().enumerate() {
        let head = format!("{number}: ");
        let own: Vec<_> = notes.iter().filter_map(|note| note.strip_prefix(&head)).collect();
        assert_eq!(own.len(), 2, "{block}: {own:?}");
        assert_eq!(own[0], own[1], "{block}");
        assert!(own[0].starts_with(expected), "{block}: {own:?}");
    }
}

#[test]
fn durations_are_written_in_many_ways() {
    needs!(pwsh);
    let cases = [
        ("90", 90),
        ("90s", 90),
        ("1.5m", 90),
        ("2h", 7200),
        ("3d", 259_200),
        ("(3d)", 3),
        ("'3d'", 259_200),
        ("2w", 1_209_600),
        ("0:15:00", 900),
        ("([timespan]::FromDays(1))", 86_400),
        ("1kb", 1024),
        ("-Seconds 2.5", 3),
        ("-Duration 1d", 86_400),
    ];
    let lines = cases.iter().map(|(duration, _)| format!("Wait-Durable {duration}"));
    let story = story(&module("", &lines.chain(["'done'".to_owned()]).collect::<Vec<_>>().join("\n")));
    assert_eq!(story.end, End::Succeeded("done\n".to_owned()));
    let waited: Vec<_> = story
        .service
        .checkpoints()
        .iter()
        .map(|checkpoint| checkpoint["Updates"][0]["WaitOptions"]["WaitSeconds"].as_u64().unwrap())
        .collect();
    assert_eq!(waited, cases.map(|(_, seconds)| seconds));
}

#[test]
fn a_failed_step_ends_the_handler_whatever_its_preferences() {
    needs!(pwsh);
    for line in [
        "Invoke-DurableStep no { throw [IO.IOException]::new('disk') }",
        "Invoke-DurableStep no -ErrorAction SilentlyContinue { throw [IO.IOException]::new('disk') }",
        "$ErrorActionPreference = 'Continue'; Invoke-DurableStep no { throw [IO.IOException]::new('disk') }",
        "$ErrorActionPreference = 'Ignore'; Invoke-DurableStep no { throw [IO.IOException]::new('disk') }",
        "try { Invoke-DurableStep no { throw [IO.IOException]::new('disk') } } catch { throw }",
        "try { Invoke-DurableStep no { throw [IO.IOException]::new('disk') } } catch { throw $_ }",
        "Invoke-DurableContext around { Invoke-DurableStep no { throw [IO.IOException]::new('disk') } }",
    ] {
        let story = story(&module("", &format!("{line}\nNote 'went on'\n'done'")));
        assert_eq!(story.end, End::Failed("IOException".to_owned(), "disk".to_owned()), "{line}");
        assert_eq!(story.notes, [""; 0], "{line}");
    }
}

/// Places of a wait, which is `WAIT` here.
const PLACES: [&str; 38] = [
    "WAIT",
    "WAIT -ErrorAction Ignore",
    "try { WAIT } catch [Management.Automation.PipelineStoppedException] { Note CAUGHT } catch [SystemException] { Note CAUGHT }",
    "try { try { WAIT } finally { $null = Get-Date | ForEach-Object { $_.Year } } } catch { Note CAUGHT }",
    "trap { Note CAUGHT; continue } WAIT",
    "1, 2 | ForEach-Object { if ($_ -eq 1) { WAIT } }",
    "1 | ForEach-Object -ErrorAction Ignore { WAIT }",
    "foreach ($i in 1) { while ($true) { WAIT; break } }",
    "switch (1) { { WAIT; $true } { } }",
    "if (-not (WAIT)) { }",
    "$null = \"a$(WAIT)b\"",
    "$null = @(WAIT)",
    "& { & { WAIT } }",
    ". { WAIT }",
    "Invoke-Command { WAIT }",
    "Invoke-Command -NoNewScope { WAIT }",
    "Invoke-Expression 'WAIT'",
    "{ WAIT }.Invoke()",
    "$null = { WAIT }.InvokeReturnAsIs()",
    "(1).ForEach({ WAIT })",
    "$null = (1).Where({ WAIT })",
    "[Collections.Generic.List[int]]::new([int[]](1)).ForEach([Action[int]] { WAIT })",
    "$null = [Linq.Enumerable]::ToList([Linq.Enumerable]::Select([int[]](1), [Func[int, int]] { WAIT; 1 }))",
    "$null = 1 | Where-Object { WAIT }",
    "$null = 1 | Select-Object @{ n = 'a'; e = { WAIT } }",
    "$null = 1 | Sort-Object { WAIT }",
    "$null = 1 | Group-Object { WAIT }",
    "$null = Measure-Command { WAIT }",
    "$o = [pscustomobject]@{} | Add-Member -PassThru ScriptProperty p { WAIT }; $o.p",
    "$o = [pscustomobject]@{} | Add-Member -PassThru ScriptMethod p { WAIT }; $o.p()",
    "function up { try { 1 } catch { Note CAUGHT } } up | ForEach-Object { WAIT }",
    "1 | & { process { WAIT } clean { } }",
    "& { WAIT } | Tee-Object -Variable t | Out-Null",
    "& { [CmdletBinding()] param() WAIT } -ErrorVariable e -OutVariable o -ErrorAction SilentlyContinue",
    "& (New-Module { function q { try { Wait-Durable 1 } catch { Note CAUGHT } } }) { q }",
    "& $PSScriptRoot/inner.ps1",
    ". $PSScriptRoot/inner.ps1",
    "function d($a = (WAIT)) { } d",
];

#[test]
fn a_wait_suspends_wherever_it_stands_and_no_catch_takes_it() {
    needs!(pwsh);
    let deeds = Deeds::new();
    // in two executions: an execution of the tests has 40 invocations at most
    for half in PLACES.chunks(PLACES.len() / 2) {
        let cases: Vec<_> = half
            .iter()
            .enumerate()
            .map(|(number, place)| {
                let place = place.replace("WAIT", "Wait-Durable 1");
                format!(
                    "try {{ {place} }} catch {{ Note CAUGHT }} finally {{ if ($DurableSuspending) {{ Note 'suspended {number}' }} }}\n\
                     Note 'went on {number}'"
                )
            })
            .collect();
        let text = module("", &format!("{}\n'done'", cases.join("\n")));
        let inner = format!("{NOTE}\ntry {{ Wait-Durable 1 }} catch {{ Note CAUGHT }}");
        let before = deeds.all().len();
        let function = || {
            Function::with(&[("m.psm1", &text), ("inner.ps1", &inner)])
                .handler("m.Invoke-It")
                .env("DEEDS", &deeds.path())
        };
        let mut execution = Execution::of(Service::start(), function);
        let end = execution.run("\"input\"");
        let notes = &deeds.all()[before..];
        assert_eq!(end, End::Succeeded("done\n".to_owned()), "{notes:?}");
        let count = |note: &str| notes.iter().filter(|own| *own == note).count();
        assert_eq!(count("CAUGHT"), 0, "{notes:?}");
        assert_eq!(execution.invocations.len(), half.len() + 1);
        for (number, place) in half.iter().enumerate() {
            assert_eq!(count(&format!("suspended {number}")), 1, "{place}");
            // in each invocation behind the one that it ended
            assert_eq!(count(&format!("went on {number}")), half.len() - number, "{place}");
        }
        // a suspension is no error
        assert_eq!(execution.log(), "");
    }
}

#[test]
fn clean_up_of_a_suspended_handler_has_no_operations_and_cannot_bring_it_back() {
    needs!(pwsh);
    let notes = notes(
        "try {
             try { Wait-Durable 1 } finally { Invoke-DurableStep cleanup { Note cleanup }; Note 'behind it' }
             try { Wait-Durable 1 } finally { if ($DurableSuspending) { throw 'of the clean-up' } }
         } catch {
             Note \"caught $_\"
             Wait-Durable 1h -Name other
             Note 'went on'
         }
         'done'",
    );
    assert_eq!(notes, ["cleanup", "behind it", "caught of the clean-up", "behind it"]);
}

#[test]
fn attempts_go_on_in_later_invocations() {
    needs!(pwsh);
    let story = story(&module(
        "",
        "$tried = Invoke-DurableStep flaky -Retry 3 -Backoff 1h -Rate 1 -MaxDelay 1h {
             Note \"attempt $env:DURABLE_ATTEMPT of $env:DURABLE_STEP\"
             if ([int]$env:DURABLE_ATTEMPT -lt 3) { throw 'not yet' }
             'good'
         }
         try { Invoke-DurableStep bad -Retry 1 { Note bad; throw 'never' } } catch { Note \"caught $_\" }
         $asked = Wait-DurableUntil ready -Every 5m -Timeout 1d {
             param($State)
             $State.Count++
             Note \"asked $($State.count) $($State.Since)\"
             $State.Since ??= 'begin'
             if ($State.Count -eq 3) { [pscustomobject]@{ After = $State.Count } }
         }
         try { Wait-DurableUntil broken -Every 1 { throw [IO.IOException]::new('gone') } } catch { Note \"until $_\" }
         \"$tried $($asked.After) $env:DURABLE_ATTEMPT\"",
    ));
    assert_eq!(story.end, End::Succeeded("good 3 \n".to_owned()), "{:?}", story.notes);
    let mut once: Vec<_> = story.notes.iter().map(String::as_str).collect();
    once.retain(|note| !note.starts_with("caught") && !note.starts_with("until"));
    assert_eq!(
        once,
        [
            "attempt 1 of flaky",
            "attempt 2 of flaky",
            "attempt 3 of flaky",
            "bad",
            "bad",
            "asked 1 ",
            "asked 2 begin",
            "asked 3 begin",
        ]
    );
    let caught = story.notes.iter().filter(|note| *note == "caught never").count();
    assert_eq!((caught, story.invocations.len()), (3, 6));
    assert_eq!(story.notes.iter().filter(|note| *note == "until gone").count(), 1);
    let last = story.service.checkpoints().pop().unwrap();
    assert_eq!(last["Updates"][1]["Error"]["ErrorType"], "IOException");
}

#[test]
fn a_step_at_most_once_that_was_cut_off_is_not_run_again() {
    needs!(pwsh);
    let crash = "$process = [Diagnostics.Process]::GetCurrentProcess(); Note \"ran $env:DURABLE_STEP\"; if (-not (Test-Path \"$env:DEEDS.$env:DURABLE_STEP\")) { $null = New-Item \"$env:DEEDS.$env:DURABLE_STEP\"; $process.Kill(); Start-Sleep 60 }; 'ran'";
    let story = story(&module(
        "",
        &format!(
            "try {{ Invoke-DurableStep once -AtMostOnce {{ {crash} }} }} catch {{ Note \"caught $($_.Exception.ErrorType)\" }}
             Invoke-DurableStep again {{ {crash} }}
             'done'"
        ),
    ));
    assert_eq!(story.end, End::Succeeded("ran\ndone\n".to_owned()));
    let caught = "caught Durable.StepInterrupted";
    assert_eq!(story.notes, ["ran once", caught, "ran again", caught, "ran again"]);
    assert_eq!(story.invocations, ["Runtime.WorkerExited", "Runtime.WorkerExited", "SUCCEEDED"]);
}

/// Runs invocations of these lines. Whenever one has ended as pending, `answer` gets the service and the number.
fn answered(body: &str, answer: impl Fn(&Service, usize)) -> (Value, Vec<String>) {
    let deeds = Deeds::new();
    let text = module("", body);
    let function = || Function::with(&[("m.psm1", &text)]).handler("m.Invoke-It").env("DEEDS", &deeds.path());
    let mut execution = Execution::of(Service::start(), function);
    for number in 0..9 {
        let reply = execution.invoke("\"input\"").unwrap();
        if reply["Status"] != "PENDING" {
            return (reply, deeds.all());
        }
        answer(&execution.service, number);
    }
    panic!("no end: {}", execution.log());
}

#[test]
fn callbacks_are_answered_from_outside() {
    needs!(pwsh);
    let body = "
        $first = Wait-DurableCallback ask -Timeout 7d -Heartbeat 1h { param($Id) Note \"id $Id $env:DURABLE_STEP\"; @{ sent = $true } }
        $id = New-DurableCallback later -Timeout 1d
        Note \"later $id\"
        $text = Receive-DurableCallback later
        try { Wait-DurableCallback refused { } } catch { Note \"refused $($_.FullyQualifiedErrorId) $_ $($_.Exception.ErrorData)\" }
        try { Wait-DurableCallback late { } } catch { Note \"late $($_.FullyQualifiedErrorId) $_\" }
        try { Wait-DurableCallback unsent { throw 'no mail' } } catch { Note \"unsent $_\" }
        Wait-Durable 1
        \"$($first.approved) $text\"";
    let (reply, notes) = answered(body, |service, number| match number {
        0 => service.end(
            "ask create callback id",
            "SUCCEEDED",
            &json!({ "CallbackDetails": { "Result": "{\"approved\": true}" } }),
        ),
        1 => service.end("later", "SUCCEEDED", &json!({ "CallbackDetails": { "Result": "just text" } })),
        2 => service.end(
            "refused create callback id",
            "FAILED",
            &json!({ "CallbackDetails": {
                "Error": { "ErrorType": "Denied", "ErrorMessage": "by Ada", "ErrorData": "12" }
            } }),
        ),
        3 => service.end("late create callback id", "TIMED_OUT", &json!({})),
        _ => service.let_time_pass(),
    });
    assert_eq!(reply["Result"], "True just text\n", "{reply} {notes:?}");
    let ids: Vec<_> = notes.iter().filter(|note| note.starts_with("id ")).collect();
    assert_eq!(ids.len(), 1);
    assert!(ids[0].starts_with("id callback-") && ids[0].ends_with(" ask submitter"), "{ids:?}");
    let mut later: Vec<_> = notes.iter().filter(|note| note.starts_with("later ")).collect();
    later.dedup();
    assert_eq!(later.len(), 1);
    for (note, times) in [
        ("refused Denied by Ada 12", 3),
        ("late Durable.TimedOut `late create callback id` timed out", 2),
        ("unsent no mail", 2),
    ] {
        assert_eq!(notes.iter().filter(|own| *own == note).count(), times, "{note}: {notes:?}");
    }
}

#[test]
fn another_function_is_invoked() {
    needs!(pwsh);
    let body = "
        $answer = Invoke-DurableFunction other:prod @{ n = 1; b = @{ d = 2; c = ,@() }; a = 'x' } -Tenant t
        try { Invoke-DurableFunction broken:1 -Name second } catch { Note \"$($_.FullyQualifiedErrorId) $_\" }
        $answer.items -join ' '";
    let (reply, notes) = answered(body, |service, number| {
        let checkpoint = service.checkpoints().pop().unwrap();
        let update = &checkpoint["Updates"][0];
        let (name, status, details) = if number == 0 {
            // in order: the keys of a hashtable come in another one in each process
            assert_eq!(update["Payload"], r#"{"a":"x","b":{"c":[[]],"d":2},"n":1}"#);
            let options = json!({ "FunctionName": "other:prod", "TenantId": "t" });
            assert_eq!(update["ChainedInvokeOptions"], options);
            ("other:prod", "SUCCEEDED", json!({ "Result": "{\"items\":[1,2]}" }))
        } else {
            assert_eq!(update["Payload"], "null");
            ("second", "FAILED", json!({ "Error": { "ErrorType": "E", "ErrorMessage": "m" } }))
        };
        service.end(name, status, &json!({ "ChainedInvokeDetails": details }));
    });
    assert_eq!((&reply["Result"], &notes[..]), (&json!("1 2\n"), &["E m".to_owned()][..]), "{reply}");
}

#[test]
fn contexts_count_names_for_themselves() {
    needs!(pwsh);
    let notes = notes(
        "foreach ($branch in 'a', 'b') {
             $inner = Invoke-DurableContext $branch -ArgumentList $branch {
                 param($Name)
                 $one = Invoke-DurableStep same { Note \"same $Name\"; \"one $branch\" }
                 Invoke-DurableContext deep { Wait-Durable 1; Invoke-DurableStep same { 'two' } }
                 $one
             }
             Note \"$branch is $inner\"
         }
         try { Invoke-DurableContext bad { Wait-Durable 1; throw [IO.IOException]::new('inside') } } catch { Note \"$($_.FullyQualifiedErrorId) $_\" }
         Wait-Durable 1
         'done'",
    );
    let count = |note: &str| notes.iter().filter(|own| *own == note).count();
    assert_eq!((count("same a"), count("same b")), (1, 1), "{notes:?}");
    assert_eq!((count("a is two one a"), count("b is two one b")), (4, 3), "{notes:?}");
    assert_eq!(count("IOException inside"), 2, "{notes:?}");
}

#[test]
fn an_execution_is_ended_with_an_error_and_knows_of_replays() {
    needs!(pwsh);
    let story = story(&module(
        "",
        "Note \"begin $(Test-DurableReplay)\"
         $null = Invoke-DurableStep one { 1 }
         Wait-Durable 1
         Note \"then $(Test-DurableReplay)\"
         try { Stop-DurableExecution Order.Rejected 'no such order' } catch { Note CAUGHT }
         Note 'went on'",
    ));
    assert_eq!(story.end, End::Failed("Order.Rejected".to_owned(), "no such order".to_owned()));
    assert_eq!(story.notes, ["begin False", "begin True", "then False"]);
}

#[test]
fn wrong_uses_are_refused_in_plain_words() {
    needs!(pwsh);
    let notes = notes(
        "try { Invoke-DurableStep outer { Invoke-DurableStep inner { Note ran } } } catch { Note $_ }
         try { Invoke-DurableStep waits { Wait-Durable 1 } } catch { Note $_ }
         try { Wait-Durable 1x } catch { Note ($_.Exception.Message -replace '.*: ') }
         try { Invoke-DurableStep ü { Note ran } } catch { Note $_ }
         try { Receive-DurableCallback none } catch { Note $_ }
         Note (durable step x echo hello 2>&1)
         Note $LASTEXITCODE
         'done'",
    );
    let part = |step: &str, command: &str| {
        format!(
            "this is a part of the step `{step}`, which is recorded as one: call `{command}` outside of it, or make it a \
             context by `Invoke-DurableContext`"
        )
    };
    assert_eq!(
        notes[..5],
        [
            part("outer", "Invoke-DurableStep"),
            part("waits", "Wait-Durable"),
            "90s, 15m, 12h, 3d, 2w, a number of seconds and a TimeSpan are".to_owned(),
            "the name `ü` has other characters than printable ASCII".to_owned(),
            "there is no callback `none` here: make it by `durable callback-id none` before".to_owned(),
        ]
    );
    assert!(notes[5].contains("use the commands `Invoke-DurableStep`, `Wait-Durable` and so on here"), "{notes:?}");
    assert_eq!(notes[6], "70");
}

#[test]
fn arguments_are_a_part_of_a_step_s_identity() {
    needs!(pwsh);
    let body = |arguments: &str| {
        format!(
            "$r = Invoke-DurableStep s {arguments} {{ param($A, $B) \"$A $($B.x)\" }}\nNote $r\nWait-Durable 1\n'done'"
        )
    };
    let same = notes(&body("-ArgumentList 1, @{ x = 2; y = 3; z = 4; w = 5 }"));
    assert_eq!(same, ["1 2", "1 2"]);
    assert_eq!(notes(&body("-AnyArgs -ArgumentList ([guid]::NewGuid())")).len(), 2);
    let other = story(&module("", &body("-ArgumentList ([guid]::NewGuid())")));
    let End::Failed(error_type, message) = other.end else { panic!("{:?}", other.notes) };
    assert_eq!(error_type, "Durable.NonDeterministic");
    assert!(message.contains("the Step `s` (number 1) had other arguments"), "{message}");
}

#[test]
fn branches_of_other_runspaces_are_contexts() {
    needs!(pwsh);
    let notes = notes(
        "$assembly = (Get-Command Invoke-DurableStep).ImplementingType.Assembly
         try {
             $all = 1..3 | ForEach-Object -ThrottleLimit 3 -Parallel {
                 Import-Module -Assembly $using:assembly
                 $number = $_
                 Invoke-DurableContext \"branch $number\" {
                     $value = Invoke-DurableStep work { sh -c 'echo work >>$DEEDS'; \"v$number\" }
                     try { Wait-Durable 1 } catch { [IO.File]::AppendAllText($env:DEEDS, \"CAUGHT`n\") }
                     $value
                 }
             }
             Note \"all $($all | Sort-Object)\"
         } catch { Note CAUGHT } finally { if ($DurableSuspending) { Note suspended } }
         'done'",
    );
    let count = |note: &str| notes.iter().filter(|own| *own == note).count();
    assert_eq!((count("work"), count("CAUGHT"), count("all v1 v2 v3")), (3, 0, 1), "{notes:?}");
    assert!(count("suspended") >= 1, "{notes:?}");
}

#[test]
fn a_worker_takes_one_execution_after_the_other() {
    needs!(pwsh);
    let deeds = Deeds::new();
    let text = module(
        "",
        "if ($Data -eq 'fine') { try { Wait-Durable 1 } catch { return \"$_ $DurableSuspending\" } }
         $n = Invoke-DurableStep count { $global:N++; $global:N }
         try { Wait-Durable 1 } finally { Note \"$PID $n $DurableSuspending\" }
         'done'",
    );
    let function = || Function::with(&[("m.psm1", &text)]).handler("m.Invoke-It").env("DEEDS", &deeds.path());
    let mut execution = Execution::of(Service::start(), function);
    for _ in 0..2 {
        assert_eq!(execution.run("\"input\""), End::Succeeded("done\n".to_owned()));
        assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"]);
        execution.again();
    }
    let notes = deeds.all();
    let pid = notes[0].split(' ').next().unwrap();
    let expected = ["1 True", "1 False", "2 True", "2 False"].map(|rest| format!("{pid} {rest}"));
    assert_eq!(notes, expected);
    assert_eq!(
        execution.text("fine"),
        "`Wait-Durable` is for durable executions: on Lambda the function needs a `DurableConfig`, elsewhere run it with \
         `bootstrap --durable HANDLER EVENT` \n"
    );
}

#[test]
fn the_end_of_the_time_ends_a_step() {
    needs!(pwsh);
    for (lines, ends) in [
        (
            "Invoke-DurableStep s -Retry 1 { if ($env:DURABLE_ATTEMPT -eq 1) { Start-Sleep 60 } }; 'done'",
            ["PENDING", "SUCCEEDED"],
        ),
        (
            "try { Invoke-DurableStep s { Start-Sleep 60 } } catch { Note $_.FullyQualifiedErrorId }; 'done'",
            ["Runtime.CheckpointFailed", "SUCCEEDED"],
        ),
        (
            "Wait-DurableUntil u -Every 1m { param($State) if ($env:DURABLE_ATTEMPT -eq 1) { Start-Sleep 60 }; $State.Count -eq 0 } | Out-Null; 'done'",
            ["PENDING", "SUCCEEDED"],
        ),
    ] {
        let deeds = Deeds::new();
        let text = module("", &format!("if ($Data -eq 'fine') {{ return 'fine' }}\n{lines}"));
        let function = || {
            Function::with(&[("m.psm1", &text)]).handler("m.Invoke-It").env("DEEDS", &deeds.path()).env("NO_COLOR", "1")
        };
        let mut execution = Execution::of(Service::start(), function).within(Duration::from_secs(6));
        let end = execution.run("\"input\"");
        assert_eq!(end, End::Succeeded("done\n".to_owned()), "{lines}: {}", execution.log());
        assert_eq!(execution.invocations, ends, "{lines}");
        assert!(ends[0] != "PENDING" || execution.log().is_empty(), "{lines}: {}", execution.log());
        if lines.contains("Note") {
            assert_eq!(deeds.all(), ["Durable.StepTimedOut"]);
        }
        execution.recovers();
    }
}
