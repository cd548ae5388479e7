# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The loop: draw, loss, update; now and then evaluate, write down and keep the best."""

from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
import torch

from ..data.windows import Windows
from ..policies.actor import Actor
from .checkpoint import SUFFIX
from .journal import Bar, Journal
from .ranks import Ranks
from .state import ALONE, TrainState

BEST, LAST = f'best{SUFFIX}', f'last{SUFFIX}'

HELD_OUT_WINDOWS = 2048
"""Most held-out windows of one evaluation, evenly spaced; fewer where images are encoded."""

HELD_OUT_IMAGES = 256
EVALUATION_BATCH = 256
CALIBRATION = 50
"""Updates timed before the length is cut to fit `max_minutes`."""


@dataclass(frozen=True)
class HeldOut:
    """Errors on held-out episodes.

    Attributes:
        loss: The training's loss, without noise and augmentation.
        mae: Mean absolute error of the chunks [rad].
        hold_mae: The same for a policy that holds the measured position [rad].
    """

    loss: float
    mae: float
    hold_mae: float


@torch.no_grad()
def evaluate(actor: Actor, windows: Windows) -> HeldOut:
    """Measure a policy on windows it was not trained on."""
    most = HELD_OUT_IMAGES if windows.spec.cameras else HELD_OUT_WINDOWS
    count = min(most, len(windows))
    chosen = np.linspace(0, len(windows) - 1, count).round().astype(np.intp)
    k = len(windows.spec.actions)
    loss = error = hold = steps = 0.0
    for begin in range(0, count, EVALUATION_BATCH):
        batch = windows.batch(chosen[begin : begin + EVALUATION_BATCH])
        real = batch.mask[:, :, None]
        number = float(batch.mask.sum())
        loss += number * float(actor.loss(batch)['loss'])
        chunk = actor.predict(batch.state, batch.images)
        error += float((np.abs(chunk - batch.action) * real).sum()) / k
        hold += (
            float((np.abs(windows.spec.rest(batch.state[:, -1:]) - batch.action) * real).sum()) / k
        )
        steps += number
    return HeldOut(loss / steps, error / steps, hold / steps)


class Stopwatch:
    """Adds up two kinds of time since it was last read."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start at zero."""
        self._clock = clock
        self._seconds = {'data_ms': 0.0, 'step_ms': 0.0}
        self._laps = 0
        self._last = clock()

    def lap(self, kind: str) -> None:
        """Add the time since the last lap."""
        now = self._clock()
        self._seconds[kind] += now - self._last
        self._last = now
        self._laps += kind == 'step_ms'

    def skip(self) -> None:
        """Add the time since the last lap to nothing."""
        self._last = self._clock()

    def read(self, reset: bool) -> dict[str, float]:
        """Mean milliseconds of each kind per update."""
        laps = max(self._laps, 1)
        result = {kind: 1e3 * seconds / laps for kind, seconds in self._seconds.items()}
        if reset:
            self._seconds = dict.fromkeys(self._seconds, 0.0)
            self._laps = 0
        return result


@dataclass(frozen=True)
class Outcome:
    """How the loop ended.

    Attributes:
        finished: Whether all planned updates were made.
        seconds: Time that this call took [s].
        held_out: Errors of the kept checkpoint; None without held-out episodes.
    """

    finished: bool
    seconds: float
    held_out: HeldOut | None


def fit(
    state: TrainState,
    train: Windows,
    held_out: Windows | None,
    folder: Path,
    values: dict[str, Any],
    journal: Journal | None,
    bar: Bar,
    stop: Callable[[], bool],
    clock: Callable[[], float] = time.perf_counter,
    ranks: Ranks = ALONE,
) -> Outcome:
    """Train until the planned updates are made or `stop` says so; checkpoints go to `folder`.

    Args:
        state: State of the training, fresh or restored.
        train: Windows to train on.
        held_out: Windows of held-out episodes, if there are any.
        folder: Where checkpoints go.
        values: What every checkpoint says beside the state (fingerprint of the data, versions).
        journal: Where metrics go; None on all ranks but the first.
        bar: Progress bar.
        stop: Asked before every update.
        clock: Steady clock [s], for the times that are reported.
        ranks: The processes that train together; the first of them evaluates and writes.
    """
    start = clock()
    rows: list[dict[str, Any]] = [] if journal is None else journal.rows
    spent = float(rows[-1]['seconds']) if rows else 0.0
    watch = Stopwatch(clock)
    begun, losses = state.update, 0.0
    since = 0
    row: dict[str, Any] = rows[-1] if rows else {}
    stopped = False
    # Among several ranks a stop travels with the gradients, so that all stop at the same update.
    while state.update < state.updates and not (stop() if ranks.world == 1 else stopped):
        batch = train.batch(ranks.share(state.sampler.draw(state.config.batch)))
        watch.lap('data_ms')
        ranks.seed(state.generator, state.config.seed, state.update)
        loss = state.actor.loss(batch, state.generator, state.config.noise)['loss']
        stopped = state.step(loss, ranks, float(batch.mask.sum()), stop())
        losses, since = losses + float(loss.detach()), since + 1
        watch.lap('step_ms')
        if begun == 0 and state.update == CALIBRATION:
            _fit_into(state, clock() - start)
            state.updates = ranks.agree(state.updates)
            bar.total(state.updates)
        if state.update % 20 == 0:
            bar.show({**row, 'update': state.update, 'loss': losses / since, **watch.read(False)})
        if state.update % state.config.eval_every and state.update < state.updates:
            continue
        if journal is None:
            continue
        found = None if held_out is None else evaluate(state.average, held_out)
        row = {
            'update': state.update,
            'seconds': round(spent + clock() - start, 3),
            'loss': losses / since,
            'held_out_loss': None if found is None else found.loss,
            'held_out_mae': None if found is None else found.mae,
            'hold_mae': None if found is None else found.hold_mae,
            'lr': state.learning_rate(),
            **watch.read(True),
        }
        losses, since = 0.0, 0
        journal.write(row)
        bar.show(row)
        bar.line(row)
        score = math.inf if found is None else found.loss
        better = score < state.best or state.config.keep == 'last' or found is None
        state.best = min(state.best, score)
        metrics = {key: value for key, value in row.items() if key not in ('data_ms', 'step_ms')}
        state.write(folder / LAST, {**values, 'metrics': metrics})
        if better:
            state.write(folder / BEST, {**values, 'metrics': metrics})
        watch.skip()
    finished = state.update >= state.updates
    if not finished and journal is not None:
        state.write(folder / LAST, {**values, 'metrics': row})
    kept = _kept(rows, state)
    return Outcome(finished, clock() - start, kept)


def _fit_into(state: TrainState, seconds: float) -> None:
    """Cut the planned length to what fits into `max_minutes`, before the rate has fallen."""
    limit = state.config.max_minutes
    if limit is not None:
        possible = int(0.95 * 60.0 * limit / (seconds / state.update))
        state.updates = max(state.update + 1, min(state.updates, possible))


def _kept(rows: list[dict[str, Any]], state: TrainState) -> HeldOut | None:
    """Held-out errors of the checkpoint that is the result."""
    measured = [row for row in rows if row['held_out_loss'] is not None]
    if not measured:
        return None
    row = measured[-1]
    if state.config.keep == 'best':
        row = min(measured, key=lambda row: float(row['held_out_loss']))
    return HeldOut(row['held_out_loss'], row['held_out_mae'], row['hold_mae'])
