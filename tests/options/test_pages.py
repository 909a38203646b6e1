# SPDX-License-Identifier: MIT
"""Help, manual and completions against the option table they are made from."""
import os
import pathlib
import re
import shutil
import subprocess
from collections import namedtuple

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build"))
KYMO = BUILD / "kymo"

Row = namedtuple("Row", "verb name letter word alias argument kind")


def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)


@pytest.fixture(scope="session")
def pages():
    made = run("make", f"B={BUILD}", "pages", cwd=TOP)
    assert made.returncode == 0, made.stdout + made.stderr
    return BUILD


@pytest.fixture(scope="session")
def table(pages):
    return [Row(*line.split("\t")) for line in run(BUILD / "tools/pages", "table").stdout.splitlines()]


def rows_of(table, verb):
    return [row for row in table if row.verb in (verb, "-")]


def verbs_of(table):
    listed = run(KYMO, "--help").stdout.split("Verbs:\n")[1].split("\n\n")[0]
    verbs = [line.split()[0] for line in listed.splitlines() if re.match(r"  \w", line)]
    assert set(verbs) >= {row.verb for row in table} - {"-"}
    return verbs


def spellings(row):
    """What a page must show of an option."""
    names = [f"--{row.name}"] + ([f"-{row.letter}"] if row.letter != "-" else [])
    return names + ([f"--no-{row.name}"] if row.kind == "switch" else [])


def plain(roff):
    return roff.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")


def argument_of(row):
    """Behind the name: " HZ", or "[=FILE]" where the value may be left out."""
    if row.argument == "-":
        return ""
    return row.argument if row.argument.startswith("[") else f" {row.argument}"


def test_help_shows_every_option(table):
    for verb in verbs_of(table):
        text = run(KYMO, verb, "--help").stdout
        for row in rows_of(table, verb):
            name = f"--[no-]{row.name}" if row.kind == "switch" else f"--{row.name}"
            term = (f"-{row.letter}, " if row.letter != "-" else "    ") + name
            term += argument_of(row)
            assert re.search(rf"^  {re.escape(term)}(  |$)", text, re.M), (verb, term)


def test_help_is_the_same_three_ways(table):
    for verb in verbs_of(table):
        texts = {run(KYMO, *words).stdout for words in
                 [(verb, "--help"), (verb, "-h"), ("help", verb)]}
        assert len(texts) == 1 and texts != {""}
    assert run(KYMO, "help").stdout == run(KYMO, "--help").stdout == run(KYMO, "-h").stdout


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 500])
def test_help_keeps_to_the_width(table, columns):
    env = {**os.environ, "COLUMNS": str(columns)}
    for verb in verbs_of(table):
        text = run(KYMO, verb, "--help", env=env).stdout
        body = text[text.index("\n\n"):].split("Examples:")[0]  # commands are never broken
        broken = [line for line in body.splitlines() if len(line) > min(max(columns, 60), 100)]
        assert not broken


def test_manual_shows_every_option(pages, table):
    for verb in verbs_of(table):
        text = plain((pages / f"man/kymo-{verb}.1").read_text())
        terms = [line for line in text.splitlines() if line.startswith("-")]
        for row in rows_of(table, verb):
            expected = ", ".join(sorted(spellings(row), key=lambda name: name.startswith("--")))
            expected += argument_of(row)
            assert expected in terms, (verb, expected)
        for row in rows_of(table, verb):
            for other in [f"-{row.word}"] * (row.word != "-") + [f"--{row.alias}"] * (row.alias != "-"):
                assert other in terms


def test_manual_shows_every_verb(pages, table):
    text = plain((pages / "man/kymo.1").read_text())
    for verb in verbs_of(table):
        assert f"\n{verb}\n" in text
        assert f"kymo-{verb} (1)" in text


def test_manual_is_well_formed(pages):
    names = sorted((pages / "man").glob("*.1"))
    assert len(names) >= 2
    for tool in ("mandoc", "man"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    for page in names:
        lint = run("mandoc", "-T", "lint", page)
        assert not lint.stdout + lint.stderr
        shown = run("man", "--warnings", "-E", "UTF-8", "-l", page, env={**os.environ, "MANWIDTH": "80"})
        assert not shown.stderr and shown.returncode == 0


# Bash: what a user would be offered.

def offered(pages, *words):
    """Completions for a command line; the last word is the one that is being typed."""
    # bash parts words at "=" before it asks.
    parts = [part for word in words for part in re.split("(=)", word) if part or word == ""]
    script = f"""
    source {pages}/completions/kymo.bash
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kymo
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = run("bash", "-c", script, "bash", *parts)
    assert not done.stderr
    return done.stdout.split()


def test_bash_offers_every_option(pages, table):
    for verb in verbs_of(table):
        expected = {name for row in rows_of(table, verb) for name in spellings(row)}
        got = set(offered(pages, "kymo", verb, "-"))
        assert got - {"--"} == expected


def test_bash_offers_verbs(pages, table):
    assert set(verbs_of(table)) <= set(offered(pages, "kymo", ""))
    assert offered(pages, "kymo", "hel") == ["help"]
    assert offered(pages, "kymo", "--color", "never", "hel") == ["help"]


def test_bash_offers_choices(pages, table):
    assert offered(pages, "kymo", "--color", "a") == ["auto", "always"]
    assert offered(pages, "kymo", "help", "--color=ne") == ["never"]
    assert offered(pages, "kymo", "help", "--color=") == ["auto", "always", "never"]


def need_verb(table, verb):
    if verb not in verbs_of(table):
        pytest.skip(f"kymo {verb} is not built")


def test_bash_offers_files_processes_and_commands(pages, table, tmp_path):
    need_verb(table, "profile")
    (tmp_path / "some file.svg").touch()
    assert offered(pages, "kymo", "profile", "-o", f"{tmp_path}/so") == f"{tmp_path}/some file.svg".split()
    assert str(os.getpid()) in offered(pages, "kymo", "profile", "-p", "")
    assert "folded" in offered(pages, "kymo", "profile", "-f", "fol")
    assert "bash" in offered(pages, "kymo", "profile", "--", "bas")
    assert offered(pages, "kymo", "profile", "--", "ls", f"{tmp_path}/so")
    assert offered(pages, "kymo", "profile", "-F", "") == []


def test_bash_completion_is_clean(pages):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    checked = run("shellcheck", pages / "completions/kymo.bash")
    assert checked.returncode == 0, checked.stdout


# Zsh: in a terminal of its own, as a user would press tab.

ZSH = r"""
zmodload zsh/zpty
setopt extendedglob
zpty z "zsh -f -i"
say() { zpty -w z "$1" }
hear() {
	local part all=
	repeat 1500; do
		if zpty -r -t z part; then all+=$part; else sleep 0.05; fi
		all=${all//$'\e'\[[0-9;?]#[a-zA-Z]/} # a suffix is shown in bold
		[[ $all == *$1* ]] && break
	done
	print -r -- "$all"
}
say 'PS1="" ; stty -echo; unsetopt zle_bracketed_paste; fpath=('"$1"' $fpath); autoload -Uz compinit; compinit -D -u; print rea""dy'
hear ready > /dev/null
zpty -w -n z "$2"$'\t'
hear "$3"
zpty -d z
"""


@pytest.mark.parametrize("typed, shown", [
    ("kymo he", "help"),
    ("kymo help --col", "--color="),
    ("kymo --color ne", "never"),
    ("kymo profile --format spee", "speedscope"),
    ("kymo profile --dem", "--demangle"),
])
def test_zsh_completes(pages, table, typed, shown):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    if "profile" in typed:
        need_verb(table, "profile")
    assert run("zsh", "-n", pages / "completions/_kymo").returncode == 0
    done = run("zsh", "-f", "-c", ZSH, "zsh", pages / "completions", typed, shown, timeout=110)
    assert shown in done.stdout, done.stdout + done.stderr
