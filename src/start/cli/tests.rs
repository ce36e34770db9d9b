use super::*;

fn parsed(arguments: &[&str]) -> Arguments {
    parse(arguments.iter().map(OsString::from)).unwrap()
}

#[test]
fn reads_handler_and_event() {
    let run = |handler: Option<&str>, events| Arguments::Run { handler: handler.map(str::to_owned), events };
    assert_eq!(parsed(&[]), run(None, Events::Lambda));
    assert_eq!(parsed(&["f.h"]), run(Some("f.h"), Events::Lambda));
    let one = |event| run(Some("f.h"), Events::One(event));
    assert_eq!(parsed(&["f.h", "{}"]), one(EventSource::Text("{}".into())));
    assert_eq!(parsed(&["f.h", "-"]), one(EventSource::StandardInput));
    assert_eq!(parsed(&["f.h", "@a b"]), one(EventSource::File("a b".into())));
    assert_eq!(parsed(&["--", "-f.h", "-"]), run(Some("-f.h"), Events::One(EventSource::StandardInput)));
}

#[test]
fn reads_how_to_serve() {
    let serve = |address: &str, seconds, concurrency, watch| Arguments::Run {
        handler: Some("f.h".to_owned()),
        events: Events::Served(Serve {
            address: address.parse().unwrap(),
            timeout: Duration::from_secs(seconds),
            concurrency: NonZeroUsize::new(concurrency).unwrap(),
            watch,
            http: false,
            durable: None,
        }),
    };
    assert_eq!(parsed(&["--serve", "9000", "f.h"]), serve("127.0.0.1:9000", 3, 1, false));
    assert_eq!(parsed(&["--serve=0.0.0.0:80", "f.h"]), serve("0.0.0.0:80", 3, 1, false));
    let http = parsed(&["--serve", "9000", "--http"]);
    assert!(matches!(http, Arguments::Run { events: Events::Served(Serve { http: true, .. }), .. }));
    assert_eq!(parsed(&["f.h", "--serve", "[::1]:0"]), serve("[::1]:0", 3, 1, false));
    assert_eq!(
        parsed(&["--watch", "--timeout", "900", "--serve", "1", "--concurrency=8", "f.h"]),
        serve("127.0.0.1:1", 900, 8, true)
    );
}

#[test]
fn refuses_what_it_does_not_know() {
    for arguments in [&["--serve-me"][..], &["a", "b", "c"], &["-x"], &["--serve"]] {
        assert!(parse(arguments.iter().map(OsString::from)).is_err(), "{arguments:?}");
    }
    for (arguments, message) in [
        (
            &["--serve", ":80"][..],
            "`--serve` takes a port, or an IP address and a port (`0.0.0.0:9000`), not `:80`",
        ),
        (
            &["/bin/sh", "-c", "function.handler"],
            "these arguments are of Docker's shell form, in which a shell is to run `function.handler`: write \
             `CMD [\"function.handler\"]`, with brackets",
        ),
        (
            &["function.handler", "{}", "left"],
            "`left` is one argument too many: an image's command is its handler alone, \
             `CMD [\"function.handler\"]`",
        ),
        (&["--timeout", "0"], "`--timeout` takes 1 to 5400 seconds, not `0`"),
        (&["--timeout", "5401"], "`--timeout` takes 1 to 5400 seconds, not `5401`"),
        (&["--concurrency", "0"], "`--concurrency` takes a number from 1 on, not `0`"),
        (&["--watch", "f.h"], "`--http`, `--timeout`, `--concurrency` and `--watch` are for `--serve`"),
        (&["--serve", "1", "f.h", "{}"], "an event is for runs without `--serve`: post it instead"),
        (
            &["--durable", "f.h"],
            "`--durable` needs an event, as in `bootstrap --durable HANDLER EVENT`, or `--serve`",
        ),
        (
            &["--serve", "1", "--http", "--durable", "f.h"],
            "`--http` is not for `--durable`: post events, or send them with `aws lambda invoke`",
        ),
        (
            &["--skip-time", "f.h", "{}"],
            "`--state`, `--skip-time`, `--replay-each` and `--function` are for `--durable`",
        ),
        (
            &["--durable", "--function", "a=b", "f.h", "{}"],
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a=b`",
        ),
        (
            &["--durable", "--function", "a b=c:d", "f.h", "{}"],
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a b=c:d`",
        ),
        (
            &["--durable", "--function", "a=b:c", "--function=a=d:e", "f.h", "{}"],
            "`--function` has `a` twice: each function needs a name of its own",
        ),
    ] {
        let error = parse(arguments.iter().map(OsString::from)).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn reads_how_a_durable_function_runs() {
    let durable = Durable {
        state: Some("order.json".into()),
        skip_time: true,
        replay_each: false,
        functions: vec![Function {
            name: "pay".to_owned(),
            directory: "../pay".into(),
            handler: "pay:charge".to_owned(),
        }],
    };
    let options =
        ["--durable", "--state", "order.json", "--skip-time", "--function", "pay=../pay:pay:charge"];
    let event = EventSource::Text("{}".into());
    assert_eq!(
        parsed(&[&options[..], &["f.h", "{}"]].concat()),
        Arguments::Run { handler: Some("f.h".to_owned()), events: Events::Durable(event, durable.clone()) }
    );
    let served = parsed(&[&options[..], &["--serve", "1"]].concat());
    let Arguments::Run { events: Events::Served(serve), .. } = served else { panic!("{served:?}") };
    assert_eq!(serve.durable, Some(durable));
}
