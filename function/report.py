#!/usr/bin/env python3
# Handler: report.py
# A program in any language: the event is its first argument and its standard input, its standard output the answer.
import json
import sys

event = json.load(sys.stdin)
print(json.dumps({"keys": sorted(event)}))
