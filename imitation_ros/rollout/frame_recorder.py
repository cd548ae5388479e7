# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Records a closed loop as an episode of a dataset.

Samples go through the same timeline as those of a bag, so the episode is what a recording of the
nodes and `convert` would give, without the transport.
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..data.episode import Episode, EpisodeMeta, Outcome
from ..data.frame import Array, JOINT_STATES
from ..data.images import resize
from ..data.observation import CameraInput
from ..data.timeline import SampleBuffer, Timeline
from ..sim.experts import OBJECT
from ..sim.robot import SimRobot
from .episode import due, NS, START_NS, Step


class FrameRecorder:
    """Observes one episode and keeps its frames and actions."""

    def __init__(
        self,
        sim: SimRobot,
        cameras: Sequence[CameraInput] = (),
        record_noise: bool = False,
        by_operator: Callable[[], bool] | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            sim: The robot.
            cameras: Cameras to keep, and their sizes.
            record_noise: Whether action noise is part of the recorded actions. Mostly it is not:
                it is what pushes the robot off its way, and no command.
            by_operator: Says after each tick whether an operator drove, where a policy drives as
                well; None where nobody else does.
        """
        contract = sim.contract
        self._sim, self._contract = sim, contract
        self._cameras, self._record_noise = tuple(cameras), record_noise
        self._by_operator = by_operator
        self._step_ns = round(NS / contract.rates.policy_hz)
        seen = (JOINT_STATES, OBJECT, *(camera.name for camera in cameras))
        self._timeline = Timeline(contract, seen, horizon_s=None)
        self._commands: SampleBuffer[Array] = SampleBuffer(self._step_ns)
        self._marks: SampleBuffer[bool] = SampleBuffer(self._step_ns)
        self._pose_hz = next(pose.rate_hz for pose in contract.poses if pose.name == OBJECT)

    def before(self, tick: int, now_ns: int) -> None:
        """Take what is due on each topic."""
        sim, hz = self._sim, self._contract.rates.command_hz
        self._timeline.push_state(now_ns, sim.q, sim.v)
        if due(tick, self._pose_hz, hz):
            self._timeline.push_pose(OBJECT, now_ns, sim.object_pose)
        for camera in self._cameras:
            if due(tick, self._contract.camera(camera.name).rate_hz, hz):
                image = resize(sim.render(camera.name), camera.height, camera.width)
                self._timeline.push_image(camera.name, now_ns, image)

    def after(self, step: Step) -> None:
        """Take the command."""
        self._last_ns, self._success = step.now_ns, step.success
        self._marks.push(step.now_ns, self._by_operator is None or self._by_operator())
        self._commands.push(step.now_ns, step.applied if self._record_noise else step.command)

    def episode(self, name: str, seed: int) -> Episode:
        """What was recorded, at the rate of the policy.

        Args:
            name: Name of the episode.
            seed: Seed of its initial state.
        """
        contract, step_ns = self._contract, self._step_ns
        pairs = [
            (self._timeline.frame(at), self._commands.sample(at + step_ns))
            for at in range(START_NS, self._last_ns - step_ns + 1, step_ns)
        ]
        whole = [(frame, action[1]) for frame, action in pairs if frame and action]
        frames = [frame for frame, _ in whole]
        operator = None
        if self._by_operator is not None:
            ends = ((frame.tick_ns, frame.tick_ns + step_ns) for frame in frames)
            marked = [(self._marks.sample(begin), self._marks.sample(end)) for begin, end in ends]
            operator = np.array([bool(a and a[1] and b and b[1]) for a, b in marked])
        outcome: Outcome = 'success' if self._success else 'failure'
        meta = EpisodeMeta(
            name,
            self._sim.task,
            'scripted',
            outcome,
            contract.name,
            contract.hash,
            'ok',
            extra={'seed': str(seed)},
        )
        return Episode(
            meta=meta,
            tick_ns=np.array([frame.tick_ns for frame in frames], np.int64),
            q=np.stack([frame.q for frame in frames]),
            v=np.stack([frame.v for frame in frames]),
            action=np.stack([action for _, action in whole]),
            images={
                camera: np.stack([frame.images[camera] for frame in frames])
                for camera in frames[0].images
            },
            poses={OBJECT: np.stack([frame.poses[OBJECT] for frame in frames])},
            age_ns={
                modality: np.array([frame.age_ns(modality) for frame in frames], np.int64)
                for modality in frames[0].stamp_ns
            },
            by_operator=operator,
        )
