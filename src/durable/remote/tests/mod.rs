//! The requests against botocore's, and what an environment makes of them. `vectors.py` makes the vectors.

use std::time::UNIX_EPOCH;

use http_body_util::BodyExt;
use serde::Deserialize;

use super::*;

const ARN: &str = "arn:aws:lambda:us-west-2:123456789012:function:my-fn:1/durable-execution/name-1/abc-def";

#[derive(Deserialize)]
struct Vector {
    region: String,
    session_token: Option<String>,
    endpoint: Option<String>,
    seconds: u64,
    marker: Option<String>,
    method: String,
    host: String,
    path: String,
    query: String,
    body: String,
    authorization: String,
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn target(variables: &[(&str, &str)]) -> Result<Target, String> {
    Target::of(&environment(variables)).map_err(|error| error.to_string())
}

#[tokio::test]
async fn requests_are_those_of_botocore_byte_for_byte() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let mut variables = vec![
            ("AWS_REGION", vector.region.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        ];
        variables.extend(vector.session_token.as_deref().map(|token| ("AWS_SESSION_TOKEN", token)));
        variables.extend(vector.endpoint.as_deref().map(|url| ("AWS_ENDPOINT_URL", url)));
        let call = match vector.method.as_str() {
            "GET" => state_call(ARN, "dG9r+/=", vector.marker.as_deref().unwrap_or_default()),
            _ => Call { body: vector.body.clone().into(), ..checkpoint_call(ARN, "dG9r+/=", &[]) },
        };
        let target = target(&variables).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(vector.seconds);
        let (head, body) = request(&target, &call, time).into_parts();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(head.method.as_str(), vector.method);
        assert_eq!(header("host"), Some(vector.host.as_str()));
        assert_eq!(head.uri.path(), vector.path);
        assert_eq!(head.uri.query().unwrap_or_default(), vector.query);
        assert_eq!(body.collect().await.unwrap().to_bytes(), vector.body);
        assert_eq!(header("x-amz-security-token"), vector.session_token.as_deref());
        assert_eq!(header("authorization"), Some(vector.authorization.as_str()));
    }
}

#[test]
fn the_environment_names_the_service() {
    let role = [("AWS_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
    for (variables, is_tls, host, address, prefix) in [
        (&[][..], true, "lambda.eu-west-1.amazonaws.com", ("lambda.eu-west-1.amazonaws.com", 443), ""),
        (
            &[("AWS_REGION", "us-isob-east-1")],
            true,
            "lambda.us-isob-east-1.sc2s.sgov.gov",
            ("lambda.us-isob-east-1.sc2s.sgov.gov", 443),
            "",
        ),
        (&[("AWS_ENDPOINT_URL", "http://A.b")], false, "a.b", ("a.b", 80), ""),
        (&[("AWS_ENDPOINT_URL", "https://[::1]:80/p/q/")], true, "[::1]:80", ("::1", 80), "/p/q"),
        (&[("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_LAMBDA", "https://b:443/")], true, "b", ("b", 443), ""),
    ] {
        let target = target(&[&role[..], variables].concat()).unwrap();
        assert_eq!((target.is_tls, target.host.as_str(), target.prefix.as_str()), (is_tls, host, prefix));
        assert_eq!((target.address.0.as_str(), target.address.1), address);
    }
}

#[test]
fn an_environment_that_names_no_service_is_an_error_that_names_the_variable() {
    let all = [("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
    for (changed, value, message) in [
        ("AWS_DEFAULT_REGION", "", "`AWS_REGION` is not set: a durable function needs the region it runs in"),
        (
            "AWS_ACCESS_KEY_ID",
            "",
            "`AWS_ACCESS_KEY_ID` is not set: a durable function needs the credentials of its role",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            "",
            "`AWS_SECRET_ACCESS_KEY` is not set: a durable function needs the credentials of its role",
        ),
        ("AWS_SESSION_TOKEN", "a\nb", "`AWS_SESSION_TOKEN` has a character that no header can have"),
        ("AWS_REGION", "a b", "`AWS_REGION` has a character that no header can have"),
        (
            "AWS_ENDPOINT_URL",
            "localhost:80",
            "`AWS_ENDPOINT_URL` is `localhost:80`: it takes a URL as `https://HOST` or `http://HOST:PORT/PATH`",
        ),
    ] {
        let mut variables: Vec<_> = all.into_iter().filter(|(name, _)| *name != changed).collect();
        variables.push((changed, value));
        assert_eq!(target(&variables).unwrap_err(), message);
    }
}
