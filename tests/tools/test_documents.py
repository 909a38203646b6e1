# SPDX-License-Identifier: MIT
"""The documents name only what is there: files, verbs, options, stages."""
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = os.environ.get("KYMO", str(TOP / "build/kymo"))
DOCUMENTS = sorted([*TOP.glob("*.md"), *TOP.glob("doc/**/*.md"), *TOP.glob("bench/*.md")])


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, cwd=TOP)
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands(text, program):
    """The words behind a program's name, up to what a shell would not pass on."""
    for match in re.finditer(rf"(?:^ {{4}}(?:[$#] )?|`){re.escape(program)} ([^`|#\n]+)", text, re.M):
        yield re.split(r"\s{2,}", match[1].strip())[0].split()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_verbs_and_options_exist(name):
    text = (TOP / name).read_text()
    for verb, *words in commands(text, "kymo"):
        known = output(KYMO, "help", verb)
        options = words[:words.index("--")] if "--" in words else words
        for option in (word.partition("=")[0] for word in options if word.startswith("-")):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known), f"{verb} {option}"
    for verb, *_ in commands(text, "./dev"):
        assert re.search(rf"^  {verb}\b", output("./dev", "help"), re.M), verb
    for stage, *_ in commands(text, "tests/run"):
        assert stage.startswith("-") or stage in output("tests/run", "--list").split(), stage


def test_readme_names_every_verb_there_is():
    listed = output(KYMO, "--help").split("Verbs:\n")[1].split("\n\n")[0]
    verbs = {line.split()[0] for line in listed.splitlines()}
    said = re.search(r"[Tt]he verbs are\s+(.*?)\.", (TOP / "README.md").read_text(), re.S)[1]
    assert set(re.findall(r"`(\w+)`", said)) == verbs
