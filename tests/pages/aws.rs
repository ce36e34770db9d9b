//! The recipe for AWS without its CLI, against a moto that checks signatures, session tokens and what the role may do.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
};

use crate::{
    manage::{cloud::Moto, pinned, tool_in},
    support::{Function, code_block, needs::has},
};

/// Where moto takes a bucket without being told where it is to be.
const REGION: &str = "us-east-1";

const ACTIONS: [&str; 5] =
    ["s3:PutObject", "s3:GetObject", "dynamodb:PutItem", "sqs:SendMessage", "secretsmanager:GetSecretValue"];

const ORDER: &str = r#"{"id":"7","note":"ä & ß"}"#;

/// The credentials of a role.
struct Role {
    key: String,
    secret: String,
    token: String,
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
fn form(moto: SocketAddr, service: &str, fields: &[String]) -> String {
    let arguments: Vec<_> = fields.iter().flat_map(|field| ["--data-urlencode", field.as_str()]).collect();
    call(moto, service, "/", &arguments)
}

/// A bucket, a table, a queue, a secret, and a role that may do these actions; from now on moto checks them.
fn prepare(moto: SocketAddr, actions: &[&str]) -> Role {
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
    let fields = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let role = ["Version=2010-05-08", "RoleName=function"];
    form(moto, "iam", &fields(&["Action=CreateRole", role[0], role[1], "AssumeRolePolicyDocument={}"]));
    let document = format!("PolicyDocument={policy}");
    form(moto, "iam", &fields(&["Action=PutRolePolicy", role[0], role[1], "PolicyName=own", &document]));
    let arn = "RoleArn=arn:aws:iam::123456789012:role/function";
    let assume = ["Action=AssumeRole", "Version=2011-06-15", arn, "RoleSessionName=function"];
    let answer = form(moto, "sts", &fields(&assume));
    let field = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let role =
        Role { key: field("AccessKeyId"), secret: field("SecretAccessKey"), token: field("SessionToken") };
    call(moto, "sts", "/moto-api/reset-auth", &["-H", "Content-Type: text/plain", "-d", "0"]);
    role
}

fn function(moto: SocketAddr, role: &Role) -> Function {
    let code = code_block("images.md", "# function.sh");
    Function::bash(&code)
        .env("AWS_ENDPOINT_URL", &format!("http://{moto}"))
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", &role.key)
        .env("AWS_SECRET_ACCESS_KEY", &role.secret)
        .env("AWS_SESSION_TOKEN", &role.token)
        .env("BUCKET", "bucket")
        .env("TABLE", "orders")
        .env("QUEUE_URL", &format!("http://{moto}/123456789012/orders"))
        .env("SECRET", "password")
}

fn moto() -> Option<Moto> {
    if !has("curl") || !has("jq") {
        return None;
    }
    Some(Moto::start(&tool_in(&pinned(), "moto_server")?))
}

#[test]
fn the_recipe_without_the_cli_calls_four_services() {
    let Some(moto) = moto() else { return };
    let role = prepare(moto.address, &ACTIONS);
    let running = function(moto.address, &role).start();
    for _ in 0..2 {
        assert_eq!(running.text(ORDER), format!("open sesame\n{ORDER}"), "{}", running.log());
    }
    assert_eq!(running.log().matches("MessageId").count(), 2, "{}", running.log());

    let wrong = Role { secret: "wrong".to_owned(), ..role };
    let error = function(moto.address, &wrong).start().error(ORDER);
    assert_eq!(error.kind, "Function.ExitStatus");
    assert!(error.message.contains("<Code>SignatureDoesNotMatch</Code>"), "{}", error.message);
    assert!(!error.message.contains(&wrong.token), "{}", error.message);
}

#[test]
fn the_recipe_says_what_the_role_may_not_do() {
    let Some(moto) = moto() else { return };
    let role = prepare(moto.address, &["s3:PutObject"]);
    let running = function(moto.address, &role).start();
    for _ in 0..2 {
        let error = running.error(ORDER);
        assert!(error.message.contains("status 22"), "{}", error.message);
        assert!(error.message.contains("not authorized to perform: dynamodb:PutItem"), "{}", error.message);
    }
}
