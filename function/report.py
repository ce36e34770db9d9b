#!/usr/bin/env python3
# Handler: report.py
# A program in any language: its first argument and its standard input are the event, its standard output is the answer.
import json
import sys

event = json.load(sys.stdin)
print(json.dumps({"keys": sorted(event)}))
