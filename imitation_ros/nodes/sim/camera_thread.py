# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draw and publish the simulated cameras, beside the physics: a slow image delays nothing."""

from collections.abc import Sequence
import threading
from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from ...contract import Camera, Contract
from ...data.frame import Array
from ...errors import NotReadyError
from ...sim.renderers import Cameras
from ...sim.robot import SimRobot
from ..ros.messages import to_compressed, to_image
from ..ros.qos import profile

IMAGES: dict[str, tuple[Any, Any]] = {
    'sensor_msgs/msg/Image': (Image, to_image),
    'sensor_msgs/msg/CompressedImage': (CompressedImage, to_compressed),
}
START_S = 30.0
"""How long the first picture may take [s]: OpenGL compiles its shaders."""


class CameraThread:
    """Draws the newest snapshot it was given; one that comes too early replaces the last.

    Attributes:
        renderer: The back end in use.
        failure: What ended the thread, or None.
    """

    def __init__(self, node: Node, contract: Contract, robot: SimRobot, renderer: str) -> None:
        """Create the publishers."""
        self._robot = robot
        self._cameras = contract.cameras
        self._publishers = {
            camera.name: node.create_publisher(
                IMAGES[camera.type][0], camera.topic, profile(camera.qos)
            )
            for camera in contract.cameras
        }
        self.renderer = renderer
        self.failure: Exception | None = None
        self._job: tuple[int, Array, Sequence[Camera]] | None = None
        self._fresh = threading.Condition()
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._guard, daemon=True)

    @property
    def drawn(self) -> int:
        """Images since this was last asked."""
        count, self._count = self._count, 0
        return count

    def start(self) -> None:
        """Draw every camera once, before time runs; raises NotReadyError if that fails."""
        self._first = self._robot.snapshot()
        self._thread.start()
        if not self._ready.wait(START_S) or self.failure is not None:
            raise NotReadyError(f'the cameras do not start: {self.failure or "no picture"}')

    def draw(self, now_ns: int, cameras: Sequence[Camera]) -> None:
        """Hand over the robot as it is now, for these cameras; called by the physics thread."""
        if cameras:
            with self._fresh:
                self._job = (now_ns, self._robot.snapshot(), cameras)
                self._fresh.notify()

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5.0)

    def _guard(self) -> None:
        """Run the thread; keep what ended it."""
        try:
            self._run()
        except Exception as error:  # noqa: BLE001  # any failure must end the process, not a thread
            if not self._stop.is_set():
                self.failure = error
        finally:
            self._ready.set()

    def _run(self) -> None:
        """Draw until stopped. Whatever holds OpenGL lives in this thread alone."""
        drawing = Cameras(self._robot.scene, self.renderer)
        self.renderer = drawing.renderer
        try:
            for camera in self._cameras:
                drawing.render(self._first, camera.name, camera.width, camera.height)
            self._ready.set()
            while not self._stop.is_set():
                with self._fresh:
                    self._fresh.wait_for(lambda: self._job is not None, timeout=0.1)
                    job, self._job = self._job, None
                if job is None:
                    continue
                now_ns, state, cameras = job
                for camera in cameras:
                    pixels = drawing.render(state, camera.name, camera.width, camera.height)
                    message = IMAGES[camera.type][1](now_ns, f'{camera.name}_link', pixels)
                    self._publishers[camera.name].publish(message)
                    self._count += 1
        finally:
            drawing.close()
