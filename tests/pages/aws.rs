//! The recipe for AWS without its CLI, against a moto that checks signatures, session tokens and what the role may do.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use crate::{
    manage::{cloud::Server, pinned, tool_in},
    support::{Function, code_block, needs::has},
};

/// Where moto takes a bucket without being told where it is to be.
const REGION: &str = "us-east-1";

const ACTIONS: [&str; 5] =
    ["s3:PutObject", "s3:GetObject", "dynamodb:PutItem", "sqs:SendMessage", "secretsmanager:GetSecretValue"];

const VERSION: &str = "Version=2010-05-08";

const ORDER: &str = r#"{"id":"7","note":"ä & ß"}"#;

/// The credentials of a role, or of a user, who has no token.
struct Credentials {
    key: String,
    secret: String,
    token: Option<String>,
}

/// A call before anybody checks who calls.
fn call(moto: SocketAddr, service: &str, path: &str, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["-sS", "--fail-with-body", "--user", "AKIDEXAMPLE:secret", "--aws-sigv4"])
        .arg(format!("aws:amz:{REGION}:{service}"))
        .args(arguments)
        .arg(format!("http://{moto}{path}"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{service} {arguments:?}: {answer}");
    answer
}

fn json(moto: SocketAddr, service: &str, target: &str, body: &str) -> String {
    let target = format!("X-Amz-Target: {target}");
    call(moto, service, "/", &["-H", &target, "-H", "Content-Type: application/x-amz-json-1.0", "-d", body])
}

/// A call of the services that take forms.
fn form(moto: SocketAddr, service: &str, fields: &[&str]) -> String {
    let arguments: Vec<_> = fields.iter().flat_map(|field| ["--data-urlencode", field]).collect();
    call(moto, service, "/", &arguments)
}

/// Gives the credentials of somebody whom this policy lets do something.
type SignUp = fn(SocketAddr, &str) -> Credentials;

/// A bucket, a table, a queue, a secret, and somebody who may do these actions; from now on moto checks them.
fn prepare(moto: SocketAddr, actions: &[&str], sign_up: SignUp) -> Credentials {
    call(moto, "s3", "/bucket", &["-X", "PUT"]);
    json(moto, "sqs", "AmazonSQS.CreateQueue", r#"{"QueueName":"orders"}"#);
    let table = r#"{"TableName":"orders","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],
                    "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],"BillingMode":"PAY_PER_REQUEST"}"#;
    json(moto, "dynamodb", "DynamoDB_20120810.CreateTable", table);
    let secret = r#"{"Name":"password","SecretString":"open sesame"}"#;
    json(moto, "secretsmanager", "secretsmanager.CreateSecret", secret);
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    });
    let credentials = sign_up(moto, &format!("PolicyDocument={policy}"));
    call(moto, "sts", "/moto-api/reset-auth", &["-H", "Content-Type: text/plain", "-d", "0"]);
    credentials
}

fn role(moto: SocketAddr, policy: &str) -> Credentials {
    let name = "RoleName=function";
    form(moto, "iam", &["Action=CreateRole", VERSION, name, "AssumeRolePolicyDocument={}"]);
    form(moto, "iam", &["Action=PutRolePolicy", VERSION, name, "PolicyName=own", policy]);
    let arn = "RoleArn=arn:aws:iam::123456789012:role/function";
    let assume = ["Action=AssumeRole", "Version=2011-06-15", arn, "RoleSessionName=function"];
    credentials(&form(moto, "sts", &assume))
}

fn user(moto: SocketAddr, policy: &str) -> Credentials {
    let name = "UserName=somebody";
    form(moto, "iam", &["Action=CreateUser", VERSION, name]);
    form(moto, "iam", &["Action=PutUserPolicy", VERSION, name, "PolicyName=own", policy]);
    credentials(&form(moto, "iam", &["Action=CreateAccessKey", VERSION, name]))
}

fn credentials(answer: &str) -> Credentials {
    let field = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        Some(rest.split('<').next()?.to_owned())
    };
    let (key, secret) = (field("AccessKeyId").unwrap(), field("SecretAccessKey").unwrap());
    Credentials { key, secret, token: field("SessionToken") }
}

fn function(moto: SocketAddr, credentials: &Credentials) -> Function {
    let code = code_block("images.md", "# function.sh");
    let function = Function::bash(&code)
        .env("AWS_ENDPOINT_URL", &format!("http://{moto}"))
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", &credentials.key)
        .env("AWS_SECRET_ACCESS_KEY", &credentials.secret)
        .env("BUCKET", "bucket")
        .env("TABLE", "orders")
        .env("QUEUE_URL", &format!("http://{moto}/123456789012/orders"))
        .env("SECRET", "password");
    match &credentials.token {
        Some(token) => function.env("AWS_SESSION_TOKEN", token),
        None => function,
    }
}

fn moto() -> Option<Server> {
    if !has("curl") || !has("jq") {
        return None;
    }
    Some(Server::moto(&tool_in(&pinned(), "moto_server")?))
}

#[test]
fn the_recipe_without_the_cli_calls_four_services() {
    for sign_up in [role as SignUp, user] {
        let Some(moto) = moto() else { return };
        let credentials = prepare(moto.address, &ACTIONS, sign_up);
        let running = function(moto.address, &credentials).start();
        for _ in 0..2 {
            assert_eq!(running.text(ORDER), format!("open sesame\n{ORDER}"), "{}", running.log());
        }
        assert_eq!(running.log().matches("MessageId").count(), 2, "{}", running.log());

        let wrong = Credentials { secret: "wrong".to_owned(), ..credentials };
        let error = function(moto.address, &wrong).start().error(ORDER);
        assert_eq!(error.kind, "Function.ExitStatus");
        assert!(error.message.contains("<Code>SignatureDoesNotMatch</Code>"), "{}", error.message);
        if let Some(token) = &wrong.token {
            assert!(!error.message.contains(token), "{}", error.message);
        }
    }
}

#[test]
fn the_recipe_says_what_the_role_may_not_do() {
    let Some(moto) = moto() else { return };
    let credentials = prepare(moto.address, &["s3:PutObject"], role);
    let running = function(moto.address, &credentials).start();
    for _ in 0..2 {
        let error = running.error(ORDER);
        assert!(error.message.contains("status 22"), "{}", error.message);
        assert!(error.message.contains("not authorized to perform: dynamodb:PutItem"), "{}", error.message);
    }
}
