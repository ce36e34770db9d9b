"""Runs AWS's conformance suite of durable functions without AWS: against AWS's own local runner, or with CONFORMANCE_DESK
against the service that `bootstrap --serve --durable` has itself.

conformance.py BOOTSTRAP TASK_ROOT HANDLER CASE...: prints a line of JSON for each case, with the errors that it found.
A case runs on a bootstrap of its own, whose handler finds the case's name in CONFORMANCE_CASE.
"""

import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import yaml
from botocore.config import Config

sys.path.append(str(pathlib.Path(sys.prefix) / "conformance"))
from aws_durable_execution_conformance_tests import cloudwatch, config, validate  # noqa: E402
from aws_durable_execution_conformance_tests.callback import CallbackAction  # noqa: E402
from aws_durable_execution_conformance_tests.variables import PlaceholderContext  # noqa: E402

PATIENCE = 60  # seconds
AT_A_TIME = 6
REGION = "us-west-2"
FILES = tempfile.TemporaryDirectory()
ENVIRONMENT = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": REGION,
    "CONFORMANCE_FILES": FILES.name,
}
FUNCTIONS = {"durable": {"DurableConfig": {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 7}}, "target": {}}

# The expected events of each execution, by its ARN.
EXPECTED = {}


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextlib.contextmanager
def process(command, environment, log):
    started = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield started
    finally:
        started.terminate()
        started.wait()


def wait_until(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.02)
    return value


def client_of(url):
    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 1}, max_pool_connections=AT_A_TIME * 2),
    )


class Desk:
    """The service of the bootstraps themselves."""

    url = "http://127.0.0.1:1"  # nobody asks it
    missing = ()
    crashes = {}

    def options(self, task_root, handler):
        target = handler.rpartition(".")[0] + ".target"
        return ["--durable", "--function", f"target={task_root}:{target}"]

    def client(self, url):
        return client_of(url)

    def start(self, case, endpoint, event):
        """Starts an execution of the function at this endpoint."""
        call = {"FunctionName": "durable:1", "InvocationType": "Event", "DurableExecutionName": f"case-{case}"}
        return client_of(endpoint).invoke(**call, Payload=json.dumps(event))["DurableExecutionArn"]


class Runner:
    """AWS's local runner, and a client of it."""

    # the fields that its history leaves out
    missing = (
        "StepSucceededDetails.Result.Payload",
        "Timeout",
        "HeartbeatTimeout",
        "ExecutedVersion",
        "DurableExecutionArn",
        "TenantId",
    )
    # the ends of invocations that crash, by their cases: it writes none
    crashes = {"1-17": 3, "1-18": 3, "3-12": 4}

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.own_client = client_of(self.url)

    def options(self, task_root, handler):
        return []

    def client(self, url):
        return self.own_client

    def answers(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/health").status == 200

    def start(self, case, endpoint, event):
        """Starts an execution of the function at this endpoint."""
        request = {
            "AccountId": "123456789012",
            "FunctionName": "durable",
            "FunctionQualifier": "$LATEST",
            "ExecutionName": f"case-{case}",
            "ExecutionTimeoutSeconds": 3600,
            "ExecutionRetentionPeriodDays": 7,
            "InvocationId": f"case-{case}",
            "Input": json.dumps(event),
            "LambdaEndpoint": endpoint,
        }
        url = f"{self.url}/start-durable-execution"
        headers = {"Content-Type": "application/json"}
        call = urllib.request.Request(url, json.dumps(request).encode(), headers)
        return json.load(urllib.request.urlopen(call, timeout=PATIENCE))["ExecutionArn"]


@contextlib.contextmanager
def bootstrap(program, task_root, handler, runner, name):
    """A bootstrap that serves: its URL and its log."""
    with tempfile.NamedTemporaryFile() as log:
        environment = ENVIRONMENT | {
            "AWS_ENDPOINT_URL_LAMBDA": runner.url,
            "LAMBDA_TASK_ROOT": task_root,
            "CONFORMANCE_CASE": name,
        }
        options = ["--serve", "0", "--timeout", "60", *runner.options(task_root, handler)]
        with process([program, *options, handler], environment, log):
            lines = lambda: pathlib.Path(log.name).read_text(errors="replace").splitlines()  # noqa: E731
            serving = lambda: next((line for line in lines() if line.endswith("/invocations")), None)  # noqa: E731
            url = wait_until("a bootstrap", serving).split()[1].removesuffix("/2015-03-31/functions/function/invocations")
            yield url, lines


# Events for which the service invokes the function again.
WAKING = ("Wait", "Callback", "ChainedInvoke")
ENDS = ("Succeeded", "Failed", "TimedOut")


def expected_of(case, requirement, runner):
    """The expected events as the service numbers them, without what it never writes."""
    events, crash = [], runner.crashes.get(case)
    for event in requirement.get("ExpectedExecutionHistory") or []:
        number = event["EventId"]
        if number == crash:
            continue
        if isinstance(event.get("StepSucceededDetails"), dict) and runner.crashes:
            event["StepSucceededDetails"].pop("RetryDetails", None)
        events.append(event | {"EventId": number - 1 if crash and number > crash else number})
    return events


def wakes(event):
    kind = event["EventType"]
    return any(kind == name + end for name in WAKING for end in ENDS)


def put_in_order(history, expected):
    """Moves ends of invocations before the events that came while the invocation had not ended yet: on a busy machine
    it takes longer than the time that the case gives it.
    """
    events = (history or {}).get("Events", [])
    kinds = {event["EventId"]: event["EventType"] for event in expected}
    for index, event in enumerate(events):
        if kinds.get(index + 1) == "InvocationCompleted" and wakes(event):
            late = next((at for at in range(index, len(events)) if not wakes(events[at])), None)
            if late and events[late]["EventType"] == "InvocationCompleted":
                events.insert(index, events.pop(late))
    for number, event in enumerate(events, 1):
        event["EventId"] = number
        if event["EventType"] == "InvocationCompleted":
            event.setdefault("InvocationCompletedDetails", {})  # it never says more
    return history


def variables_of(requirement):
    """The variables of a case. Its random strings begin with a letter: one of digits alone is a number as a script's output."""

    def generated(generator):
        return ("s" + uuid.uuid4().hex)[: int(generator[1])]

    variables = requirement.get("Variables") or {}
    return {name: re.sub(r"^\$\{GEN_STR:(\d+)\}$", generated, str(value)) for name, value in variables.items()}


def run_case(case, program, task_root, handler, runner):
    path = next(pathlib.Path(config.TESTS_DIR).glob(f"*/{case}.yaml"))
    requirement = yaml.safe_load(path.read_text())
    context = PlaceholderContext()
    context.resolve_variables(variables_of(requirement))
    event = context.substitute(requirement.get("Input"))
    actions = [CallbackAction.from_dict(action) for action in requirement.get("CallbackActions") or []]
    polling = validate.AsyncValidationConfig(poll_interval_seconds=0.3, no_progress_timeout_seconds=40)
    name = "case_" + case.replace("-", "_")
    with bootstrap(program, task_root, handler, runner, name) as (url, lines):
        arn = runner.start(case, url, event)
        validator = validate.PollingValidator(runner.client(url), polling, context)
        expected = EXPECTED[arn] = expected_of(case, requirement, runner)
        result = validator.validate(arn, expected, requirement.get("ExpectedResult"), actions)
        gaps = tuple(f".{name}: key missing in actual event" for name in runner.missing)
        errors = [error for error in result.errors if not error.endswith(gaps)]
        logs = requirement.get("ExpectedLogs")
        if logs and not errors:
            # the runtime's own line about a crash quotes the last line of the handler
            own = [line for line in lines() if not line.startswith("ERROR Runtime.WorkerExited")]
            records = [{"message": line, "timestamp": number} for number, line in enumerate(own)]
            errors += cloudwatch.CloudWatchLogValidator().validate(logs, records, context=context).errors
        if errors and os.environ.get("CONFORMANCE_LOGS"):
            events = validate.get_execution_history(arn, runner.client(url))["Events"]
            shown = [" ".join(str(event.get(key)) for key in ("EventId", "EventType", "Name")) for event in events]
            print("\n".join([f"== {case}", *lines(), *shown]), file=sys.stderr, flush=True)
        return errors


def main(program, task_root, handler, *cases):
    real = validate.get_execution_history
    validate.get_execution_history = lambda arn, client: put_in_order(real(arn, client), EXPECTED[arn])

    # the validator prints as it goes
    output, sys.stdout = sys.stdout, open(os.devnull, "w")

    def run(case):
        try:
            errors = run_case(case, program, task_root, handler, runner)
        except Exception as error:  # noqa: BLE001: it is the case's
            errors = [repr(error)]
        # one write: other cases write as well
        output.write(json.dumps({"case": case, "errors": errors}) + "\n")

    if "CONFORMANCE_DESK" in os.environ:
        runner = Desk()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(run, cases))
        return
    port = free_port()
    runner = Runner(port)
    target = bootstrap(program, task_root, "conformance.sh.target", runner, "")
    with tempfile.NamedTemporaryFile() as log, target as (url, _):
        command = [
            *(str(pathlib.Path(sys.prefix) / "bin/dex-local-runner"), "start-server", "--host", "127.0.0.1"),
            *("--port", str(port), "--lambda-endpoint", url, "--log-level", "WARNING"),
            *("--function-configs", json.dumps(FUNCTIONS)),
        ]
        with process(command, ENVIRONMENT, log):
            wait_until("the runner", runner.answers)
            with ThreadPoolExecutor(AT_A_TIME) as pool:
                list(pool.map(run, cases))


main(*sys.argv[1:])
