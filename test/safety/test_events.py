# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The event table of docs/safety.md is complete, and every test that it names exists."""

from pathlib import Path
import re

from imitation_ros.safety.intervention import Rule

ROOT = Path(__file__).parents[2]


def rows() -> list[list[str]]:
    text = (ROOT / 'docs/safety.md').read_text(encoding='utf-8')
    table = text.split('\n## Events\n')[1].split('\n## ')[0]
    return [line.strip('|').split('|') for line in table.splitlines() if line.startswith('| ')][1:]


def test_every_rule_is_in_the_table() -> None:
    said = {name for row in rows() for name in re.findall(r'`(\w+)`', row[2])}
    assert said == {rule.value for rule in Rule}


def test_every_row_has_a_test_that_exists() -> None:
    folders = (ROOT / 'test/safety', ROOT / 'test/nodes')
    source = '\n'.join(path.read_text() for folder in folders for path in folder.glob('*.py'))
    defined = set(re.findall(r'^def (test_\w+)', source, re.MULTILINE))
    assert len(rows()) > 25
    for row in rows():
        named = re.findall(r'`(test_\w+)`', row[3])
        assert named, row
        assert set(named) <= defined, set(named) - defined
