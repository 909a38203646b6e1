# SPDX-License-Identifier: MIT
"""What was tried on which kernel, as a page: doc/kernels.md, and the table of it in README.md.

doc/kernels.json keeps what each kernel's last run found, so that a run of one kernel leaves the others'.
"""
import datetime
import json
import pathlib

import kernels

TOP = pathlib.Path(__file__).resolve().parents[2]
DATA = TOP / "doc/kernels.json"
PAGE = TOP / "doc/kernels.md"
README = TOP / "README.md"
BEGIN = "<!-- written by ./dev lab -->\n"
END = "<!-- end of what ./dev lab wrote -->\n"
WORST = ["works", "part", "absent", "broken"]
MARKS = {"works": "yes", "part": "in part", "absent": "no", "broken": "broken", None: ""}
EMULATION = ("Every processor is emulated, so no time was judged, and there is no NMI and no hardware counter. "
           "What a kernel cannot do, kymo says when it is asked for, and does the rest.")


def ability_name(row):
    """Events of one collector are one ability."""
    words = row["ability"].split()
    return " ".join(words[:2]) if words[0] == "watch" else row["ability"]


def abilities(rows):
    """name -> (the worst state, why), in order."""
    found = {}
    for row in rows:
        name = ability_name(row)
        state, why = found.get(name, ("works", ""))
        if WORST.index(row["state"]) > WORST.index(state) or name not in found:
            state, why = row["state"], row["detail"]
        found[name] = (state, why)
    return found


def load():
    try:
        return json.loads(DATA.read_text())
    except FileNotFoundError:
        return {}


def keep(word, version, rows, doctor, trouble, partial=False):
    """One kernel's result, in the order in which the kernels are named.  @partial: of the version that is there
    already, some abilities anew."""
    data = load()
    old = data[word] if partial else {"abilities": {}, "log": []}
    data[word] = {
        "version": version, "date": datetime.date.today().isoformat(),
        "abilities": {**old["abilities"], **{name: {"state": state, "why": why}
                                for name, (state, why) in abilities(rows).items()}},
        "doctor": {row["name"]: {"state": row["state"], "why": row["reason"]} for row in doctor
                   if row["state"] != "works"},
        "log": old["log"] + trouble,
    }
    DATA.write_text(json.dumps({name: data[name] for name in kernels.words() if name in data}, indent=1,
                               ensure_ascii=False) + "\n")


def heading(word):
    name, condition = kernels.split_word(word)
    return f"Linux {name}" + (f", {kernels.CONDITIONS[condition][1]}" if condition else "")


def compact(data):
    names = list(dict.fromkeys(name for kernel in data.values() for name in kernel["abilities"]))
    lines = [" | ".join(["|", *map(heading, data), ""]).replace("|  |", "| |", 1).strip(),
             "|---" * (len(data) + 1) + "|"]
    for name in names:
        cells = [MARKS[kernel["abilities"].get(name, {}).get("state")] for kernel in data.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write():
    data = load()
    parts = ["# What works on which kernel\n",
             "Written by `./dev lab`, which boots Debian's kernels under QEMU and uses the installed package on "
             f"programs whose truth is known. {EMULATION}\n", compact(data)]
    for word, kernel in data.items():
        parts.append(f"## {word}: Linux {kernel['version']}, tried on {kernel['date']}\n")
        lines = [f"- **{name}**: {MARKS[row['state']]}{': ' if row['why'] else ''}{row['why']}"
                 for name, row in kernel["abilities"].items() if row["state"] != "works"]
        lines += [f"- `kymo doctor`, {name}: {row['state'].replace('_', ' ')}: {row['why']}"
                  for name, row in kernel["doctor"].items()]
        lines += [f"- the kernel's log: {line}" for line in kernel["log"]] or \
            ["- The kernel's log has no BUG, no WARNING and no stall."]
        parts.append("\n".join(lines) + "\n")
    PAGE.write_text("\n".join(parts))
    text = README.read_text()
    before, found, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if found:
        README.write_text(before + BEGIN + compact(data) + END + after)
