# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PolicyLoop: samples in, proposals out, by the ticks of the caller's clock.

The policy node runs it on ROS time, a rollout on simulated time; neither ROS nor a clock is in
here. Samples may be pushed from one thread while another one steps: the lock is held to gather
frames, never during inference.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import threading

from ..contract import Contract
from ..data.frame import Array, Frame, Image
from ..data.proposal import Proposal
from ..data.timeline import Timeline
from ..errors import ModelError
from .chunks import history, proposal
from .latency import Latencies, Summary
from .session import Inference

FUTURE_NS = 1_000_000_000
"""A stamp this far ahead of the clock is a wrong stamp [ns]."""


@dataclass(frozen=True)
class NotYet:
    """Why there is no proposal at a tick.

    Attributes:
        reasons: What is wrong with each input (or with the `model`); empty if nothing is: the
            running chunk has steps left.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """One line for a log."""
        return '; '.join(f'{name}: {why}' for name, why in self.reasons.items()) or 'not due'


@dataclass(frozen=True)
class LoopStats:
    """How a loop is doing.

    Attributes:
        proposals: Proposals made.
        refusals: Ticks at which one was due but an input was missing or stale.
        failures: Inferences that gave no action.
        deadline_misses: Inferences that ended after the next one was due.
        inference: Duration of the inferences.
        age: Age of the newest observation when its proposal was ready.
        reasons: Why there is none, at the newest tick; empty while all is well.
    """

    proposals: int
    refusals: int
    failures: int
    deadline_misses: int
    inference: Summary
    age: Summary
    reasons: Mapping[str, str]


class PolicyLoop:
    """A policy fed with samples and asked for proposals tick by tick."""

    def __init__(
        self,
        contract: Contract,
        session: Inference,
        timer_ns: Callable[[], int] | None = None,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        """Make a loop with an empty timeline.

        Args:
            contract: The robot.
            session: The policy.
            timer_ns: Steady clock that times the inferences [ns]; None times nothing.
            clock_ns: Clock of the ticks [ns], asked after each inference whether it was in
                time; None judges nothing.
        """
        self.spec = session.spec
        self._session = session
        self._timer_ns = timer_ns
        self._clock_ns = clock_ns
        ages = [contract.joint_states.max_age_s]
        ages += [camera.max_age_s for camera in contract.cameras]
        ages += [pose.max_age_s for pose in contract.poses]
        past_s = self.spec.history / self.spec.policy_hz
        # A second more than the oldest frame needs: ticks may run late.
        self._timeline = Timeline(contract, self.spec.modalities, past_s + max(ages) + 1.0)
        self._chunk_ns = self.spec.execute * self.spec.step_ns
        self._lock = threading.Lock()
        self._inference = Latencies()
        self._age = Latencies()
        self._proposals = self._refusals = self._failures = self._misses = 0
        self._restart(None)

    def _restart(self, start_ns: int | None) -> None:
        self._start_ns = start_ns
        self._last_ns: int | None = None
        self._due_ns: int | None = None
        self._reasons: Mapping[str, str] = {}

    def push_state(self, stamp_ns: int, q: Array, v: Array) -> None:
        """Add joint positions [rad] and velocities [rad/s]; raises DataError as Timeline."""
        with self._lock:
            self._timeline.push_state(stamp_ns, q, v)

    def push_image(self, camera: str, stamp_ns: int, image: Image) -> None:
        """Add an image, uint8, shape (height, width, 3)."""
        with self._lock:
            self._timeline.push_image(camera, stamp_ns, image)

    def push_pose(self, name: str, stamp_ns: int, pose: Array) -> None:
        """Add a pose, shape (7,); raises DataError as Timeline."""
        with self._lock:
            self._timeline.push_pose(name, stamp_ns, pose)

    def push_frame(self, frame: Frame) -> None:
        """Add everything a frame holds, each part with its own stamp (rollouts without ROS)."""
        stamps = frame.stamp_ns
        self.push_state(stamps.get('joint_states', frame.tick_ns), frame.q, frame.v)
        for name, image in frame.images.items():
            self.push_image(name, stamps.get(name, frame.tick_ns), image)
        for name, pose in frame.poses.items():
            self.push_pose(name, stamps.get(name, frame.tick_ns), pose)

    def start(self, now_ns: int) -> None:
        """Begin an episode: propose at once, and look at nothing before it."""
        with self._lock:
            self._restart(now_ns)

    def clear(self) -> None:
        """Forget every sample, because the clock jumped back; counts stay."""
        with self._lock:
            self._timeline.clear()
            self._restart(None)

    def step(self, now_ns: int) -> Proposal | NotYet:
        """Make a proposal if one is due.

        Args:
            now_ns: The tick [ns]. Going back in time clears the timeline.
        """
        if self._last_ns is not None and now_ns < self._last_ns:
            self.clear()
        # A tenth of a step of tolerance: ticks of a caller's float clock are rounded.
        early_ns = self.spec.step_ns // 10
        with self._lock:
            self._last_ns = now_ns
            # Longer than a whole chunk cannot be left: then the clock jumped during an inference.
            if self._due_ns is not None and early_ns < self._due_ns - now_ns <= self._chunk_ns:
                return NotYet()
            frames = history(self._timeline, self.spec, now_ns, self._start_ns)
            if frames is None:
                self._refusals += 1
                self._reasons = self._timeline.missing(now_ns)
                newest_ns = self._timeline.newest_ns()
                if newest_ns is not None and newest_ns > now_ns + FUTURE_NS:
                    # One sample from far in the future would push every honest one out.
                    self._timeline.clear()
                return NotYet(self._reasons)
        return self._propose(frames)

    def _propose(self, frames: tuple[Frame, ...]) -> Proposal | NotYet:
        """Run the policy on a history of frames, and keep the account."""
        now_ns = frames[-1].tick_ns
        due_ns = now_ns + self._chunk_ns
        begin_ns = self._timer_ns() if self._timer_ns else 0
        try:
            actions = self._session.infer(frames)
        except ModelError as error:
            with self._lock:
                self._failures += 1
                self._reasons = {'model': str(error)}
            return NotYet(self._reasons)
        took_ns = self._timer_ns() - begin_ns if self._timer_ns else None
        ready_ns = self._clock_ns() if self._clock_ns else None
        result = proposal(self.spec, frames[-1], actions)
        with self._lock:
            self._proposals += 1
            self._reasons = {}
            self._due_ns = due_ns
            if took_ns is not None:
                self._inference.add(took_ns)
            if ready_ns is not None:
                self._age.add(ready_ns - result.stamp_ns)
                self._misses += ready_ns > due_ns
        return result

    def stats(self) -> LoopStats:
        """Freeze the account."""
        with self._lock:
            return LoopStats(
                proposals=self._proposals,
                refusals=self._refusals,
                failures=self._failures,
                deadline_misses=self._misses,
                inference=self._inference.summary(),
                age=self._age.summary(),
                reasons=self._reasons,
            )
