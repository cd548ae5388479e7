# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the episodes of a dataset come from, as its manifest says it.

Manifests made before these types hold the same under `report`, without a kind; they are read too.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from ..errors import DataError, unknown

KIND = 'kind'


@dataclass(frozen=True)
class Provenance:
    """What is known of any dataset: nothing.

    Attributes:
        notes: What is odd or was left out, if anything was noted.
    """

    kind: ClassVar[str] = 'unknown'
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the kind."""
        return {KIND: self.kind, **asdict(self)}


@dataclass(frozen=True)
class Collected(Provenance):
    """What all datasets have in common that are collected in simulation, attempt by attempt.

    Attributes:
        wanted: How many episodes were asked for, those that came first included.
        next_seed: Seed of the next attempt.
    """

    wanted: int
    next_seed: int


@dataclass(frozen=True)
class Demonstrations(Collected):
    """Demonstrations of a scripted expert.

    Attributes:
        expert: Task of the expert.
        first_seed: Seed of the first attempt.
        initial_state_range: Factor on the range of initial states.
        noise: Standard deviation of the action noise [rad]; a tenth of it on sliding joints [m].
        cameras: Height and width of every camera that was kept, by name.
        failures: How many failed attempts were asked for.
        failure_noise: Standard deviation of the noise in those [rad]; None if none were.
        failed_seeds: Seeds from which the expert failed where it should not.
        unwanted_successes: How often it succeeded where a failure was asked for.
    """

    kind: ClassVar[str] = 'demonstrations'
    expert: str
    first_seed: int
    initial_state_range: float
    noise: float
    cameras: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    failures: int = 0
    failure_noise: float | None = None
    failed_seeds: tuple[int, ...] = ()
    unwanted_successes: int = 0

    def __post_init__(self) -> None:
        """Take the lists of JSON for what they are."""
        sizes = {name: (int(size[0]), int(size[1])) for name, size in self.cameras.items()}
        object.__setattr__(self, 'cameras', sizes)
        object.__setattr__(self, 'failed_seeds', tuple(self.failed_seeds))


@dataclass(frozen=True)
class Corrections(Collected):
    """Attempts of a policy that an expert corrected.

    Attributes:
        policy: File of the policy.
        least: Progress below which the expert took over.
        window_s: Time over which progress was measured [s].
        hold_s: How long the expert drove [s], as text: infinity is none of JSON's numbers.
        corrected: Attempts that were corrected and are kept.
        corrections: How often the expert took over in those.
        frames: Frames in which it drove.
        alone: Attempts that needed no correction; they are not kept.
        failed: Attempts that failed in spite of it; they are not kept.
    """

    kind: ClassVar[str] = 'corrections'
    policy: str
    least: float
    window_s: float
    hold_s: str
    corrected: int = 0
    corrections: int = 0
    frames: int = 0
    alone: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Conversion(Provenance):
    """Bags that were converted.

    Attributes:
        episodes: Of every bag its name, steps, and why it was left out, if it was.
        skew_ms: Age of every modality over all ticks, p50, p99 and max [ms].
        bytes: Size of the bags.
    """

    kind: ClassVar[str] = 'conversion'
    episodes: tuple[Mapping[str, Any], ...]
    skew_ms: Mapping[str, Mapping[str, float]]
    bytes: int = 0

    def __post_init__(self) -> None:
        """Take the list of JSON for what it is."""
        object.__setattr__(self, 'episodes', tuple(self.episodes))


@dataclass(frozen=True)
class Imported(Provenance):
    """A LeRobot dataset that was imported.

    Attributes:
        source: Its folder.
        origin: Where it came from before it was exported, if it was ours.
        left_out: Number and reason of every episode that is not fit.
    """

    kind: ClassVar[str] = 'import'
    source: str
    origin: Provenance | None = None
    left_out: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Take the list of JSON for what it is."""
        object.__setattr__(self, 'left_out', tuple(self.left_out))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the kind."""
        origin = None if self.origin is None else self.origin.to_dict()
        return super().to_dict() | {'origin': origin}


KINDS: dict[str, type[Provenance]] = {
    each.kind: each for each in (Provenance, Demonstrations, Corrections, Conversion, Imported)
}
"""Every kind by its name."""


def provenance(values: Mapping[str, Any]) -> Provenance:
    """Read `Provenance.to_dict` back, or the `report` of a manifest made before it.

    Args:
        values: What the manifest says.

    Raises:
        DataError: If the kind is unknown, or something is missing or strange.
    """
    if not isinstance(values, Mapping):
        raise DataError(f'the provenance is {values!r}, not a mapping')
    values = dict(values)
    kind = values.pop(KIND, None)
    if kind is None:
        kind, values = _untyped(values)
    if kind not in KINDS:
        raise DataError(unknown(str(kind), 'provenance', KINDS))
    if values.get('origin') is not None:
        values['origin'] = provenance(values['origin'])
    try:
        values['notes'] = tuple(values.get('notes', ()))
        return KINDS[kind](**values)
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f'a manifest of {kind} cannot be understood: {error}') from error


def _untyped(report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Kind and values of a report that was a free dictionary."""
    readers: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
        'source': _imported,
        'policy': _corrections,
        'expert': _demonstrations,
        'skew_ms': _conversion,
    }
    for key, reader in readers.items():
        if key in report:
            return reader(report)
    return Provenance.kind, {'notes': report.get('notes', ())}


def _imported(report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    rest = {key: value for key, value in report.items() if key not in ('source', 'notes')}
    origin = provenance(rest).to_dict() if rest else None
    notes = report.get('notes', ())
    return Imported.kind, {'source': report['source'], 'notes': notes, 'origin': origin}


def _corrections(report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The expert's corrections; `failed` is their number."""
    kept = ('policy', 'corrected', 'frames', 'alone', 'failed', *_COLLECTED)
    values = {key: report[key] for key in kept if key in report}
    rule = dict(report.get('rule', {}))
    return Corrections.kind, _whole(values) | rule | {'corrections': report.get('takeovers', 0)}


def _demonstrations(report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The expert's demonstrations; `failed` is the list of the seeds."""
    kept = ('expert', 'noise', 'cameras', 'failures', 'failure_noise', *_COLLECTED)
    values = {key: report[key] for key in kept if key in report}
    return Demonstrations.kind, _whole(values) | {
        'first_seed': report.get('first_seed', 0),
        'initial_state_range': report.get('spread', 1.0),
        'failed_seeds': report.get('failed', ()),
        'unwanted_successes': report.get('spared', 0),
    }


def _conversion(report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return Conversion.kind, {
        'episodes': report.get('episodes', ()),
        'skew_ms': report['skew_ms'],
        'bytes': report.get('bytes', 0),
    }


_COLLECTED = ('wanted', 'next_seed')


def _whole(values: dict[str, Any]) -> dict[str, Any]:
    """A collection from before it could be stopped says nothing of how to go on: it is whole."""
    return {'wanted': 0, 'next_seed': 0} | values
