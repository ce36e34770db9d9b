"""Makes vectors.json: requests with the signatures of botocore. Run it with the Python of `target/tools/aws`."""

import datetime
import json
import pathlib
from unittest import mock
from urllib.parse import urlsplit

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ARN = "arn:aws:lambda:us-west-2:123456789012:function:my-fn:1/durable-execution/name-1/abc-def"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
# region, session token, endpoint, seconds since 1970, call and its parameters
CASES = [
    ("us-west-2", "SESSION/+=", None, 1795900000, "checkpoint", {"Updates": [], "ClientToken": "abc"}),
    ("us-west-2", None, None, 1709164801, "checkpoint", {"Updates": [], "ClientToken": "abc"}),
    ("cn-north-1", "t", None, 4102444799, "checkpoint", {"Updates": [], "ClientToken": "abc"}),
    ("eu-central-1", "t", None, 0, "state", {"Marker": "a b/+=&~é", "MaxItems": 1000}),
    ("eu-central-1", None, "http://127.0.0.1:5105", 951782400, "state", {"Marker": "m", "MaxItems": 1000}),
    ("eu-central-1", "t", "https://vpce.example:8443/a%20b/~c", 1795900000, "state", {"MaxItems": 1000}),
    ("eu-central-1", "t", "https://vpce.example:443/a/", 1795900000, "checkpoint", {"Updates": [], "ClientToken": "é"}),
]


class Sent(Exception):
    pass


def sent_by_botocore(region, token, endpoint, call, parameters):
    """The request that botocore would send."""
    session = botocore.session.get_session()
    session.set_credentials(KEY, SECRET, token)
    client = session.create_client("lambda", region_name=region, endpoint_url=endpoint)

    def stop(request, **_):
        raise Sent(request)

    client.meta.events.register("before-send.lambda.*", stop)
    method = {"checkpoint": client.checkpoint_durable_execution, "state": client.get_durable_execution_state}[call]
    try:
        method(DurableExecutionArn=ARN, CheckpointToken="dG9r+/=", **parameters)
    except Sent as sent:
        return sent.args[0]


def vector(region, token, endpoint, seconds, call, parameters):
    sent = sent_by_botocore(region, token, endpoint, call, parameters)
    body = sent.body.decode() if isinstance(sent.body, bytes) else sent.body or ""
    now = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    request = AWSRequest(sent.method, sent.url, headers={"Content-Type": "application/json"}, data=body)
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: now.replace(tzinfo=None)):
        botocore.auth.SigV4Auth(Credentials(KEY, SECRET, token), "lambda", region).add_auth(request)
    url = urlsplit(sent.url)
    return {
        "region": region,
        "session_token": token,
        "endpoint": endpoint,
        "seconds": seconds,
        "marker": parameters.get("Marker"),
        "method": sent.method,
        "host": url.netloc.removesuffix(":443"),
        "path": url.path,
        "query": url.query,
        "body": body,
        "authorization": request.headers["Authorization"],
    }


vectors = [vector(*case) for case in CASES]
file = pathlib.Path(__file__).with_name("vectors.json")
file.write_text(json.dumps(vectors, indent=2) + "\n")
