# SPDX-License-Identifier: MIT
"""Interpreter, regular expressions, JSON and sorting, until it is killed."""
import json
import random
import re


def work(left):
    if left:
        return work(left - 1)
    json.loads(json.dumps({str(i): [i] * 5 for i in range(100)}))
    re.findall("a+b", "aaab" * 20)
    return sorted(random.random() for _ in range(100))


while True:
    work(random.randrange(30))
