#!/usr/bin/env python3
"""A stand-in for the API of customer-managed runtimes (lambda-core 2026-04-30), which moto lacks: its states over its paths.

The AWS CLI with botocore's own models checks the form of requests; this checks their order. A version is CREATING and
an alias UPDATING until it has been asked for twice. The end of a deletion is not waited for by anybody.
"""
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs, unquote, urlsplit

ARN = "arn:aws:lambda:eu-west-1:123456789012:runtime/"
NOW = "2026-11-29T12:00:00Z"
runtimes, pins, lock = {}, {}, Lock()


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def missing(what):
    return Refused(404, "ResourceNotFoundException", f"{what} not found")


def conflict(why):
    return Refused(409, "ResourceConflictException", why)


def find(things, name, what):
    if name not in things:
        raise missing(f"{what} {name}")
    return things[name]


def shown(thing):
    """A thing as an answer has it. What is on its way comes one step nearer each time."""
    if thing["State"] in ("CREATING", "UPDATING"):
        thing["looks"] = thing.get("looks", 0) + 1
        if thing["looks"] > 1:
            thing["State"], thing["looks"] = "ACTIVE", 0
    return {key: value for key, value in thing.items() if key not in ("looks", "versions", "aliases")}


def new(arn, name, body, **fields):
    return {"Arn": arn, "Name": name, "Created": NOW, "LastModified": NOW, **fields} | {
        key: body[key] for key in ("Description", "ReleaseNotes", "ReleaseLifecycle") if key in body}


def create_version(runtime, body):
    name, image = body["Name"], body["ImageUri"]
    if name in runtime["versions"]:
        raise conflict(f"version {name} exists, and versions are immutable")
    digest = re.search(r"@(sha256:[0-9a-zA-Z]+)$", image)
    if not digest:
        raise Refused(400, "InvalidParameterValueException", f"{image} has no digest")
    platform = {"Architecture": "x86_64", "Os": "linux", "Digest": digest[1]}
    compatible = {"IntegrationModels": ["RuntimeAPI"], "Architectures": ["x86_64"], "ManagedInstances": "Supported"}
    version = new(f"{runtime['Arn']}/version/{name}", name, body, State="CREATING", ResolvedUri=image,
                  Platforms=[platform], Compatibility=compatible)
    if not body.get("DryRun"):
        runtime["versions"][name] = version
    return version


def set_alias(runtime, name, body):
    version = find(runtime["versions"], body["RuntimeVersion"], "version")
    if version["State"] != "ACTIVE":
        raise conflict(f"version {version['Name']} is {version['State']}")
    return new(f"{runtime['Arn']}/alias/{name}", name, body, State="UPDATING", RuntimeVersion=version["Name"],
               RuntimeVersionArn=version["Arn"], Compatibility=version["Compatibility"])


def delete(thing, days):
    if thing["State"] == "PENDING_DELETION":
        raise conflict(f"{thing['Arn']} is PENDING_DELETION")
    if not 7 <= days <= 30:
        raise Refused(400, "InvalidParameterValueException", "7 to 30 days")
    thing["State"], thing["PendingDeletionAt"] = "PENDING_DELETION", f"in {days} days"
    return {}


def part_of(runtime, query):
    if "RuntimeVersion" in query:
        return find(runtime["versions"], query["RuntimeVersion"][0], "version")
    if "RuntimeAlias" in query:
        return find(runtime["aliases"], query["RuntimeAlias"][0], "alias")
    return runtime


def call(method, path, query, body, days):
    match path:
        case ["2021-07-20", "functions", function, "runtime-management-config"]:
            if method == "PUT":
                pins[function] = body
            pin = pins.get(function, {"UpdateRuntimeOn": "Auto"})
            return 200, {"FunctionArn": function, **pin}
        case [_, "runtimes"] if method == "GET":
            return 200, {"Items": [shown(runtime) for runtime in runtimes.values()]}
        case [_, "runtimes"]:
            if body["Name"] in runtimes:
                raise conflict(f"runtime {body['Name']} exists")
            runtime = new(ARN + body["Name"], body["Name"], body, State="ACTIVE", versions={}, aliases={})
            runtimes[body["Name"]] = runtime
            return 202, shown(runtime)
    runtime = find(runtimes, path[2].rsplit("runtime/", 1)[-1], "runtime")
    if method in ("POST", "PUT") and runtime["State"] != "ACTIVE" and path[3:] != ["restore"]:
        raise conflict(f"runtime {runtime['Name']} is {runtime['State']}")
    match method, path[3:]:
        case "GET", []:
            return 200, shown(runtime)
        case "DELETE", []:
            return 202, delete(runtime, days)
        case "POST", ["restore"]:
            thing = part_of(runtime, query)
            if thing["State"] != "PENDING_DELETION":
                raise conflict("not scheduled for deletion")
            thing["State"] = "ACTIVE"
            thing.pop("PendingDeletionAt")
            return 200, {"RuntimeName": runtime["Name"], "Arn": thing["Arn"], "State": "ACTIVE", "LastModified": NOW}
        case "POST", ["versions"]:
            return 201, shown(dict(create_version(runtime, body))) if body.get("DryRun") else create_version(runtime, body)
        case "POST", ["aliases"]:
            if body["Name"] in runtime["aliases"]:
                raise conflict(f"alias {body['Name']} exists")
            runtime["aliases"][body["Name"]] = alias = set_alias(runtime, body["Name"], body)
            return 201, alias
        case "GET", [("versions" | "aliases") as kind]:
            return 200, {"Items": [shown(thing) for thing in runtime[kind].values()]}
        case _, [("versions" | "aliases") as kind, name]:
            thing = find(runtime[kind], name, kind)
            if method == "DELETE":
                return 202, delete(thing, days)
            if method == "PATCH":
                thing["ReleaseNotes"] = body["ReleaseNotes"]
            elif method == "PUT":
                thing.update(set_alias(runtime, name, {"RuntimeVersion": thing["RuntimeVersion"]} | body))
            return 200, shown(thing)
    raise missing("/".join(path))


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        url = urlsplit(self.path)
        path = [unquote(part) for part in url.path.split("/")[1:]]
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        days = int(self.headers.get("x-amzn-runtime-recovery-window-in-days") or 30)
        headers = {}
        try:
            with lock:
                status, answer = call(self.command, path, parse_qs(url.query), body, days)
        except Refused as refused:
            status, headers = refused.status, {"x-amzn-errortype": refused.code}
            answer = {"Type": "User", "message": str(refused), "Message": str(refused)}
        text = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": len(text), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"Running on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
