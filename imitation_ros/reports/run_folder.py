# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a run folder holds, read for its report; a missing piece stays None.

run/bags/<session>/<episode>/  audit.json  dataset/  train/metrics.jsonl  policy.onnx
run/trials.json  trial_bags/  timing.json

The folder of a training alone (metrics.jsonl and checkpoints/ at its top) is read as well.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
import importlib.metadata
import os
from pathlib import Path
import platform
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..bags.layout import CUSTOM_KEY, find_bags, METADATA, parse_meta, read_information
from ..bags.reader import Bag
from ..data.camera_strips import CameraStrip, strip_of_episode
from ..data.episode import EpisodeMeta
from ..data.store import Dataset, MANIFEST
from ..documents import parse_json, read_text
from ..errors import DataError
from ..rollout.trials import Latency, Trials
from ..runtime import bundle
from ..training.journal import METRICS
from .recordings import CommandTrace, latencies_of_bag, strip_of_bag, trace_of_bag
from .training_log import read_training, Training

T = TypeVar('T')

MOST_FAILURES = 2

PACKAGES = ('imitation_ros', 'numpy', 'torch', 'onnxruntime', 'mujoco', 'pin', 'ros-kilted-rclpy')


@dataclass(frozen=True)
class EpisodeRow:
    """One recorded episode and what the audit says of it."""

    episode: str
    outcome: str
    verdict: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ModalityAge:
    """How old the samples of one modality were at the ticks of a dataset [ms]."""

    modality: str
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows; None where the run folder has nothing.

    Attributes:
        run: Name of the run folder.
        task: Name of the task.
        episodes: Recorded episodes.
        frames: Number of frames of the dataset.
        dataset_episodes: Number of its episodes.
        policy_hz: Rate of its frames [Hz].
        ages: Age of each modality at its ticks.
        training: How the training went.
        model: Metadata of policy.onnx.
        trials: Trials of the policy.
        stages: How long each stage took [s].
        strips: Camera strips.
        traces: Commands of a trial.
        machine: Where the report was made.
        problems: What could not be read, one sentence each.
        trained: What the checkpoint of a training's own folder says of itself; None where the
            folder is that of a whole run.
    """

    run: str
    task: str | None = None
    episodes: tuple[EpisodeRow, ...] | None = None
    frames: int | None = None
    dataset_episodes: int | None = None
    policy_hz: float | None = None
    ages: tuple[ModalityAge, ...] = ()
    training: Training | None = None
    model: Mapping[str, Any] | None = None
    trials: Trials | None = None
    stages: Mapping[str, float] | None = None
    strips: tuple[CameraStrip, ...] = ()
    traces: tuple[CommandTrace, ...] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    trained: Mapping[str, Any] | None = None

    @property
    def empty(self) -> bool:
        """Whether the folder held nothing that a report shows."""
        found = (self.episodes, self.frames, self.training, self.model, self.trials, self.stages)
        return all(value is None for value in (*found, self.trained))

    @property
    def total_s(self) -> float | None:
        """Time of all stages together [s]."""
        return sum(self.stages.values()) if self.stages else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: every figure, no pictures."""
        training = self.training and {
            key: value for key, value in asdict(self.training).items() if key != 'curves'
        }
        return {
            'run': self.run,
            'task': self.task,
            'episodes': self.episodes and [asdict(row) for row in self.episodes],
            'dataset': None
            if self.frames is None
            else {
                'frames': self.frames,
                'episodes': self.dataset_episodes,
                'policy_hz': self.policy_hz,
                'ages': [asdict(age) for age in self.ages],
            },
            'training': training,
            'model': self.model and dict(self.model),
            'trials': self.trials and self.trials.to_dict(),
            'stages': self.stages and dict(self.stages),
            'machine': dict(self.machine),
            'problems': list(self.problems),
            'trained': self.trained and dict(self.trained),
        }

    @classmethod
    def from_run(cls, run: Path) -> 'ReportData':
        """Read a run folder.

        Raises:
            DataError: If there is no such folder, or a piece that is there is damaged.
        """
        if not run.is_dir():
            raise DataError(f'{run}: there is no such run folder')
        trials = _if_there(run / 'trials.json', Trials.read)
        dataset = Dataset(run / 'dataset') if (run / 'dataset' / MANIFEST).exists() else None
        demos, trial_bags = _metas(run / 'bags'), _metas(run / 'trial_bags')
        views = _Views()
        views.demonstration(demos, dataset)
        views.trials(trial_bags, trials)
        if trials is not None and trials.latency is None:
            trials = replace(trials, latency=views.latency(trial_bags))
        model = _if_there(run / 'policy.onnx', _model)
        trained = _if_there(run / METRICS, lambda path: _trained(path.parent))
        seen = (model or trained or {}).get('observation', {})
        unit = '' if seen.get('bare') else ' rad'
        tasks = {meta.task for meta in demos.values()} or set((trained or {}).get('tasks', ()))
        metrics = (run if trained is not None else run / 'train') / METRICS
        return cls(
            run=run.name,
            task=trials.task if trials else '; '.join(sorted(tasks)) or None,
            episodes=_episodes(demos, _if_there(run / 'audit.json', _audit) or {}),
            training=_if_there(metrics, lambda path: read_training(path, unit)),
            model=model,
            trials=trials,
            stages=_if_there(run / 'timing.json', _stages),
            strips=tuple(views.strips),
            traces=tuple(views.traces),
            machine=_machine(),
            problems=tuple(views.problems),
            trained=trained,
            **(_dataset(dataset) if dataset else {}),
        )


def _if_there(path: Path, read: Callable[[Path], T]) -> T | None:
    return read(path) if path.exists() else None


def _stages(path: Path) -> dict[str, float]:
    try:
        values = parse_json(read_text(path), path)
        return {str(name): float(seconds) for name, seconds in values.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f'{path}: not the seconds of each stage: {error}') from error


def _metas(root: Path) -> dict[Path, EpisodeMeta]:
    """Meta of every finished bag of ours below a folder, in the order of their names."""
    metas = {}
    for bag in find_bags(root) if root.is_dir() and any(root.iterdir()) else ():
        if (bag / METADATA).is_file():
            text = (read_information(bag).get('custom_data') or {}).get(CUSTOM_KEY)
            if text:
                metas[bag] = parse_meta(text, bag)
    return metas


def _audit(path: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Verdict and reasons of every audited episode."""
    try:
        findings = parse_json(read_text(path), path)
        return {str(f['episode']): (str(f['verdict']), tuple(f['reasons'])) for f in findings}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f'{path}: no findings of an audit: {error!r}') from error


def _episodes(
    demos: Mapping[Path, EpisodeMeta], audit: Mapping[str, tuple[str, tuple[str, ...]]]
) -> tuple[EpisodeRow, ...] | None:
    """Recorded episodes; the last audit outweighs the one at the end of the recording."""
    known = {meta.episode: meta for meta in demos.values()}
    rows = []
    for name in sorted({*known, *audit}):
        meta = known.get(name, EpisodeMeta(name))
        verdict, reasons = audit.get(name, (meta.verdict, meta.reasons))
        rows.append(EpisodeRow(name, meta.outcome, verdict, reasons))
    return tuple(rows) or None


def _model(path: Path) -> dict[str, Any]:
    """What a policy says of itself, short of the contract and the statistics."""
    policy = bundle.load(path)
    return {
        'method': policy.method,
        'contract_name': policy.contract_name,
        'contract_hash': policy.contract_hash,
        'observation': policy.observation.to_dict(),
        'bags': list(policy.bags),
        'tasks': list(policy.tasks),
        'metrics': dict(policy.metrics),
        'parity': dict(policy.parity),
        'versions': dict(policy.versions),
        'created': policy.created,
        'sha256': policy.sha256,
    }


def _trained(run: Path) -> dict[str, Any]:
    """What the checkpoint of a training says of itself; nothing, if there is none yet."""
    # With torch, which other folders are reported without.
    from ..training import checkpoint
    from ..training.state import method_of

    folder = run / checkpoint.FOLDER
    there = [folder / f'{name}{checkpoint.SUFFIX}' for name in ('best', 'last')]
    path = next((path for path in there if path.is_file()), None)
    if path is None:
        return {}
    _, values = checkpoint.read(path)
    data, names = values['data'], values['episodes']
    frames = dict(zip(data['episodes'], data['frames'], strict=True))
    return {
        'method': method_of(values),
        'contract_hash': values['contract_hash'],
        'observation': values['observation'],
        'tasks': bundle.tasks_named(names['train']),
        'bags': list(names['train']),
        'held_out_bags': list(names.get('held_out', ())),
        'extra_bags': list(names.get('extra', ())),
        'frames': sum(frames.get(name, 0) for name in names['train']),
        'versions': values.get('versions', {}),
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    """Counts, and the ages the converter measured at every tick."""
    ages: dict[str, list[NDArray[np.int64]]] = {}
    frames = 0
    for episode in dataset.episodes():
        frames += len(episode)
        for name, values in episode.age_ns.items():
            ages.setdefault(name, []).append(np.asarray(values))
    rows = []
    for name, parts in ages.items():
        p50, p99, most = np.quantile(np.concatenate(parts) / 1e6, [0.5, 0.99, 1.0])
        rows.append(ModalityAge(name, float(p50), float(p99), float(most)))
    return {
        'frames': frames,
        'dataset_episodes': len(dataset),
        'policy_hz': dataset.manifest.policy_hz,
        'ages': tuple(rows),
    }


class _Views:
    """Collects strips and traces; a bag that cannot be shown becomes a sentence."""

    def __init__(self) -> None:
        self.strips: list[CameraStrip] = []
        self.traces: list[CommandTrace] = []
        self.problems: list[str] = []

    def demonstration(self, demos: Mapping[Path, EpisodeMeta], dataset: Dataset | None) -> None:
        """Strip of the first demonstration that succeeded, from its bag or the dataset."""
        good = [bag for bag, meta in demos.items() if meta.outcome == 'success'] or list(demos)
        if good:
            self._bag(good[0], f'Demonstration {good[0].name}', False, trace=False)
        if not self.strips and dataset is not None and dataset.episode(0).images:
            self.strips.append(strip_of_episode(dataset.episode(0)))

    def trials(self, bags: Mapping[Path, EpisodeMeta], trials: Trials | None) -> None:
        """Strips of trials, failures first, and the commands of the first of them."""
        seeds = {trial.bag: trial for trial in trials.trials if trial.bag} if trials else {}
        failed = [bag for bag, meta in bags.items() if meta.outcome == 'failure']
        others = [bag for bag in bags if bag not in failed]
        for shown, bag in enumerate([*failed[:MOST_FAILURES], *others[:1]]):
            trial = seeds.get(bag.name)
            title = f'Trial {bag.name}' if trial is None else f'Trial from seed {trial.seed}'
            title += f': {bags[bag].outcome}'
            self._bag(bag, title, bag in failed, trace=shown == 0)

    def latency(self, bags: Iterable[Path]) -> Latency | None:
        """Time from observation to command over all trials; None if no bag tells it."""
        samples: list[float] = []
        for path in bags:
            try:
                with Bag(path) as bag:
                    samples += latencies_of_bag(bag)
            except DataError as error:
                self.problems.append(str(error))
        return Latency.of(samples) if samples else None

    def _bag(self, path: Path, title: str, failed: bool, trace: bool) -> None:
        try:
            with Bag(path) as bag:
                self.strips.append(strip_of_bag(bag, title=title, failed=failed))
                if trace:
                    self.traces.append(trace_of_bag(bag, title=f'Commands: {title}'))
        except DataError as error:
            self.problems.append(str(error))


def _machine() -> dict[str, str]:
    """Machine and versions this report was made with."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        'report made on': f'{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs',
        'python': platform.python_version(),
        **versions,
    }
