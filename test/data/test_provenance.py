# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a dataset comes from: written and read back, and read from manifests of before."""

import json
from typing import Any

import pytest

from imitation_ros.data.provenance import (
    Conversion,
    Corrections,
    Demonstrations,
    Imported,
    Provenance,
    provenance,
)
from imitation_ros.data.store import Dataset, DatasetWriter, MANIFEST
from imitation_ros.errors import DataError

DEMONSTRATIONS = Demonstrations(
    5, 9, 'reach', 3, 1.2, 0.03, {'head_camera': (48, 64)}, 2, 0.1, (4, 6), 1
)
CORRECTIONS = Corrections(3, 8, 'p.onnx', 0.3, 0.6, 'inf', 2, 4, 90, 1, 2)
CONVERSION = Conversion(
    ({'bag': 'a', 'steps': 3, 'reason': ''},), {'joint_states': {'p50': 1.0}}, 99
)
ALL = (
    Provenance(),
    DEMONSTRATIONS,
    CORRECTIONS,
    CONVERSION,
    Imported('their/data', notes=('no robot is described',)),
    Imported('our/data', CONVERSION),
)

BEFORE: list[tuple[dict[str, Any], Provenance]] = [
    ({}, Provenance()),
    (
        {
            'expert': 'reach',
            'noise': 0.03,
            'spread': 1.2,
            'failed': [4, 6],
            'first_seed': 3,
            'cameras': {'head_camera': [48, 64]},
            'wanted': 5,
            'next_seed': 9,
            'failures': 2,
            'failure_noise': 0.1,
            'spared': 1,
        },
        DEMONSTRATIONS,
    ),
    (
        {
            'policy': 'p.onnx',
            'rule': {'least': 0.3, 'window_s': 0.6, 'hold_s': 'inf'},
            'corrected': 2,
            'takeovers': 4,
            'frames': 90,
            'alone': 1,
            'failed': 2,
            'wanted': 3,
            'next_seed': 8,
        },
        CORRECTIONS,
    ),
    (
        {
            'episodes': [{'bag': 'a', 'steps': 3, 'reason': ''}],
            'skew_ms': {'joint_states': {'p50': 1.0}},
            'bytes': 99,
        },
        CONVERSION,
    ),
    (
        {
            'episodes': [{'bag': 'a', 'steps': 3, 'reason': ''}],
            'skew_ms': {'joint_states': {'p50': 1.0}},
            'bytes': 99,
            'notes': ['a note'],
            'source': 'our/data',
        },
        Imported('our/data', CONVERSION, notes=('a note',)),
    ),
    ({'notes': [], 'source': 'their/data'}, Imported('their/data')),
    (
        {'expert': 'lift', 'noise': 0.0, 'failed': []},
        Demonstrations(0, 0, 'lift', 0, 1.0, 0.0),
    ),
]


@pytest.mark.parametrize('origin', ALL, ids=lambda origin: origin.kind)
def test_what_was_written_is_read_back(origin: Provenance) -> None:
    assert provenance(json.loads(json.dumps(origin.to_dict()))) == origin


@pytest.mark.parametrize(('report', 'origin'), BEFORE)
def test_reports_from_before_there_were_kinds_are_read(
    report: dict[str, Any], origin: Provenance
) -> None:
    assert provenance(json.loads(json.dumps(report))) == origin


def test_a_manifest_says_in_one_sentence_what_is_wrong_with_it(tmp_path: Any) -> None:
    writer = DatasetWriter(tmp_path / 'set', 'name: x', 'hash', '<robot/>', ('a', 'b'), 25.0)
    writer.keep(DEMONSTRATIONS)
    read = Dataset(tmp_path / 'set').manifest
    assert read.provenance == DEMONSTRATIONS
    assert read.provenance_as(Demonstrations).failed_seeds == (4, 6)
    with pytest.raises(DataError, match='is of demonstrations, not of corrections'):
        read.provenance_as(Corrections)
    path = tmp_path / 'set' / MANIFEST
    values = json.loads(path.read_text())
    for strange, said in (
        ({'kind': 'demonstration'}, 'did you mean "demonstrations"'),
        (3, '"provenance" a mapping'),
        ({'kind': 'import', 'source': 'x', 'notes': 3}, 'import cannot be understood'),
        ({'kind': 'corrections'}, 'a manifest of corrections cannot be understood'),
        ({**DEMONSTRATIONS.to_dict(), 'cameras': 3}, 'demonstrations cannot be understood'),
        ({**DEMONSTRATIONS.to_dict(), 'colour': 3}, 'demonstrations cannot be understood'),
    ):
        path.write_text(json.dumps(values | {'provenance': strange}))
        with pytest.raises(DataError, match=said) as caught:
            Dataset(tmp_path / 'set')
        assert str(path) in str(caught.value)
    # As manifests were before.
    del values['provenance']
    path.write_text(json.dumps(values | {'report': BEFORE[2][0]}))
    assert Dataset(tmp_path / 'set').manifest.provenance == CORRECTIONS
