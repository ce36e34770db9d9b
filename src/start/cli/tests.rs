use super::*;

#[test]
fn options_that_make_no_sense_are_refused() {
    let parsed = |line: &str| parse(line.split_whitespace().map(OsString::from));
    for (line, message) in [
        (
            "--durable f.h",
            "`--durable` needs an event, as in `bootstrap --durable HANDLER EVENT`, or `--serve`",
        ),
        (
            "--serve 1 --http --durable f.h",
            "`--http` is not for `--durable`: post events, or send them with `aws lambda invoke`",
        ),
        (
            "--skip-time f.h {}",
            "`--state`, `--skip-time`, `--replay-each` and `--function` are for `--durable`",
        ),
        (
            "--durable --function a=b f.h {}",
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a=b`",
        ),
        (
            "--durable --function a/b=c:d f.h {}",
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a/b=c:d`",
        ),
        (
            "--durable --function a=b:c --function=a=d:e f.h {}",
            "`--function` has `a` twice: each function needs a name of its own",
        ),
    ] {
        assert_eq!(parsed(line).unwrap_err().to_string(), message);
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
    let parsed =
        |more: &[&str]| parse([&options[..], more].concat().into_iter().map(OsString::from)).unwrap();
    let event = EventSource::Text("{}".into());
    assert_eq!(
        parsed(&["f.h", "{}"]),
        Arguments::Run { handler: Some("f.h".to_owned()), events: Events::Durable(event, durable.clone()) }
    );
    let served = parsed(&["--serve", "1"]);
    let Arguments::Run { events: Events::Served(serve), .. } = served else { panic!("{served:?}") };
    assert_eq!(serve.durable, Some(durable));
}
