# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gates of a benchmark: a value, its bound, whether it holds; printed and judged in one way."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

HOLDS = {True: 'holds', False: 'DOES NOT HOLD', None: 'not judged'}


def gate(
    value: float, bound: float, unit: str, *, low: bool = False, judged: bool = True
) -> dict[str, Any]:
    """One gate: a value against its bound (from above, or from below if `low`).

    A smoke run judges no timing: `judged` is then False, and `holds` None.
    """
    holds = bool(value >= bound if low else value <= bound) if judged else None
    return {'value': value, 'bound': bound, 'unit': unit, 'low': low, 'holds': holds}


def conclude(gates: Mapping[str, dict[str, Any]], json_path: Path | None, **results: Any) -> int:
    """Print the gates, write them and the results as JSON, and give the exit code."""
    for name, one in gates.items():
        sign = '>=' if one['low'] else '<='
        print(
            f'{name:42s}{one["value"]:10.4g} {sign} {one["bound"]:.4g} {one["unit"]}: '
            f'{HOLDS[one["holds"]]}'
        )
    if json_path is not None:
        json_path.write_text(json.dumps({'gates': gates, **results}, indent=1), encoding='utf-8')
    return int(any(one['holds'] is False for one in gates.values()))
