# SPDX-License-Identifier: MIT
"""How many instructions the kernel's verifier looks at for each program: a table, so that a change by
which one grows by half is seen.  It differs between kernels: verifier.json has a column for each that was asked,
this one here, those of the lab by ./dev lab.

KYMO_VERIFIER_UPDATE=1 writes what is measured instead of judging it.
"""
import json
import os
import pathlib

import pytest

import verifier

TOP = pathlib.Path(__file__).resolve().parents[2]
KYMO = pathlib.Path(os.environ.get("KYMO_BUILD", TOP / "build")) / "kymo"
TABLE = pathlib.Path(__file__).with_name("verifier.json")
SERIES = ".".join(os.uname().release.split(".")[:2])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may load programs here")
@pytest.mark.parametrize("use", verifier.USES)
def test_no_program_became_dearer_to_verify(use):
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    known = table.get(SERIES, {}).get(use, {})
    found = verifier.measured([KYMO, *verifier.USES[use]], known)
    if os.environ.get("KYMO_VERIFIER_UPDATE"):
        table.setdefault(SERIES, {})[use] = found
        TABLE.write_text(json.dumps(table, indent=1) + "\n")
    if SERIES not in table:
        pytest.skip(f"verifier.json has no column for Linux {SERIES}")
    assert set(found) <= set(known), f"not in verifier.json: {set(found) - set(known)}"
    assert set(known) <= set(found), f"not loaded any more: {set(known) - set(found)}"
    dearer = verifier.dearer(known, found)
    assert not dearer, f"instructions verified, before and now: {dearer}"


def test_what_doubles_is_seen():
    known = {"one": 1000, "other": 500, "gone": 1}
    assert verifier.dearer(known, {"one": 1100, "other": 500, "new": 9}) == {}
    assert verifier.dearer(known, {"one": 2000, "other": 500}) == {"one": (1000, 2000)}
