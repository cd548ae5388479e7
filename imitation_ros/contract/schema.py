# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The keys of a contract's YAML, as frozen models."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import quantities as q
from .features import Support, Torque
from .fingerprint import LATER

Topic = Annotated[str, Field(pattern=r'^/[A-Za-z_/][A-Za-z0-9_/]*$', max_length=255)]
Name = Annotated[str, Field(pattern=r'^[a-z][a-z0-9_]*$', max_length=100)]
MANY = 1000
"""Most groups, cameras, objects or obstacles of a contract."""


class Model(BaseModel):
    """Frozen values; a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra='forbid')


class Qos(Model):
    """Quality of service of a topic.

    Attributes:
        reliability: Whether a lost message is sent again.
        depth: Messages kept for a reader that is behind.
    """

    reliability: Literal['reliable', 'best_effort'] = 'reliable'
    depth: q.Depth = 10


class Output(Model):
    """How a group's commands leave the safety node.

    Attributes:
        topic: Topic that the controller listens to.
        type: Message type that it takes.
    """

    topic: Topic
    type: Literal['trajectory_msgs/msg/JointTrajectory', 'std_msgs/msg/Float64MultiArray'] = (
        'trajectory_msgs/msg/JointTrajectory'
    )


class Group(Model):
    """Joints that one controller drives, in the controller's order.

    Attributes:
        name: What reasons, tools and devices call it.
        joints: Its joints, in the controller's order.
        output: Where its commands go.
    """

    name: Name
    joints: tuple[str, ...] = Field(min_length=1)
    output: Output


class Signal(Model):
    """A stream of stamped samples, and how a value is made of them at a tick.

    `hold` takes the latest sample. Interpolation needs the sample after the asked time as well,
    and none may be from the future: so it asks for the time `delay_s` before the tick.

    Attributes:
        rate_hz: Expected rate [Hz].
        max_age_s: Oldest sample that may be used [s].
        resample: How a value is made of the samples around a tick.
        delay_s: How long before the tick the value is taken [s].
    """

    rate_hz: q.Rate
    max_age_s: q.Age
    resample: str = 'hold'
    delay_s: q.Time = 0.0

    @model_validator(mode='after')
    def _check_delay(self) -> 'Signal':
        period_s = 1.0 / self.rate_hz
        if self.resample == 'hold' and self.delay_s:
            raise ValueError(f'delay_s is {self.delay_s:g}, but a held signal has no delay')
        if self.resample != 'hold' and not period_s <= self.delay_s < self.max_age_s:
            raise ValueError(
                f'"resample: {self.resample}" needs a delay_s from one period to less than '
                f'max_age_s, in [{period_s:g}, {self.max_age_s:g}), not {self.delay_s:g}'
            )
        return self


class JointStates(Signal):
    """Where joint positions and velocities come from (sensor_msgs/msg/JointState).

    Attributes:
        topic: Topic of the measured joint positions and velocities.
        qos: Quality of service of the subscription.
    """

    topic: Topic = '/joint_states'
    rate_hz: q.Rate = 200.0
    max_age_s: q.Age = 0.05
    qos: Qos = Qos(depth=100)
    resample: Literal['hold', 'linear'] = 'hold'


class Observed(Model):
    """What is seen where no robot is described: the arrays of one message, entry by entry.

    Attributes:
        topic: Where it comes from.
        type: A JointState, or a bare array whose entries are named here (as `position`).
        position: Names of the entries of its `position` (or of the bare array), in order.
        velocity: Names of the entries of its `velocity`.
        effort: Names of the entries of its `effort`.
        rate_hz: Expected rate [Hz]; that of the policy if None.
        max_age_s: Oldest observation that an action may follow [s].
        stamps: Time of a message: that of its header, or that at which it was recorded.
    """

    topic: Topic = '/joint_states'
    type: Literal[
        'sensor_msgs/msg/JointState',
        'std_msgs/msg/Float64MultiArray',
        'std_msgs/msg/Float32MultiArray',
    ] = 'sensor_msgs/msg/JointState'
    position: tuple[str, ...] = ()
    velocity: tuple[str, ...] = ()
    effort: tuple[str, ...] = ()
    rate_hz: q.Rate | None = None
    max_age_s: q.SlowAge = 0.5
    stamps: Literal['header', 'log'] = 'header'

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of all entries, of which those that are no position say so."""
        speeds = (f'{name}.velocity' for name in self.velocity)
        return (*self.position, *speeds, *(f'{name}.effort' for name in self.effort))


class Acted(Model):
    """What is done where no robot is described.

    Attributes:
        topic: Where it comes from.
        type: Message type; of a JointTrajectory the first point after now counts.
        field: Which of the message's arrays it is; a bare array has but one.
        names: Names of its entries, in the order of the policy's actions.
        limits: Lowest and highest value of an entry; of others the range seen in training.
        stamps: Time of a message: that of its header, or that at which it was recorded.
    """

    topic: Topic
    type: Literal[
        'trajectory_msgs/msg/JointTrajectory',
        'sensor_msgs/msg/JointState',
        'std_msgs/msg/Float64MultiArray',
        'std_msgs/msg/Float32MultiArray',
    ]
    field: Literal['position', 'velocity', 'effort'] = 'position'
    names: tuple[str, ...] = Field(min_length=1)
    limits: dict[str, tuple[float, float]] = {}
    stamps: Literal['header', 'log'] = 'header'


class Camera(Model):
    """One camera image stream; depth is 16 bits a pixel [mm], as 16UC1 or compressedDepth.

    Attributes:
        name: What datasets and policies call it.
        topic: Topic of its images.
        type: Message type.
        width: Width of an image [pixels].
        height: Height of an image [pixels].
        depth: Whether a pixel is a distance in place of a colour.
        rate_hz: Expected rate [Hz].
        max_age_s: Oldest image that may be used [s].
        qos: Quality of service of the subscription.
    """

    name: Name
    topic: Topic
    type: Literal['sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage']
    width: q.Pixels
    height: q.Pixels
    depth: bool = False
    rate_hz: q.Rate = 30.0
    max_age_s: q.Age = 0.2
    qos: Qos = Qos(depth=5)


class Pose(Signal):
    """One tracked object (geometry_msgs/msg/PoseStamped, in the robot's base frame).

    Attributes:
        name: What datasets and policies call it.
        topic: Topic of its poses.
        qos: Quality of service of the subscription.
    """

    name: Name
    topic: Topic
    rate_hz: q.Rate = 50.0
    max_age_s: q.Age = 0.2
    qos: Qos = Qos()
    resample: Literal['hold', 'slerp'] = 'hold'


class Topics(Model):
    """The topics between our own nodes.

    Attributes:
        proposal: What teleoperation and policy ask for.
        command: What the safety node sent, all joints.
        verdict: What it changed, and why.
        estop: The emergency stop.
        gate: State of the dead-man of the teleop node.
        driver: Who moves the robot, policy or operator.
    """

    proposal: Topic = '/proposal'
    command: Topic = '/safety/command'
    verdict: Topic = '/safety/verdict'
    estop: Topic = '/safety/estop'
    gate: Annotated[Topic, LATER] = '/teleop/gate'
    driver: Annotated[Topic, LATER] = '/driver'


class Rates(Model):
    """The two clocks of the package.

    Attributes:
        policy_hz: Ticks of datasets and policies [Hz].
        command_hz: Ticks of the safety node [Hz].
    """

    policy_hz: q.Rate = 25.0
    command_hz: q.Rate = 100.0


class JointLimits(Model):
    """Safety limits of one joint; what is left out falls back to the profile.

    Attributes:
        velocity: Highest speed [rad/s or m/s].
        acceleration: Highest acceleration [rad/s^2 or m/s^2].
        lower: Lowest position [rad or m].
        upper: Highest position [rad or m].
    """

    velocity: q.Speed | None = None
    acceleration: q.Acceleration | None = None
    lower: q.Position | None = None
    upper: q.Position | None = None


Vector = tuple[q.Place, q.Place, q.Place]


class Obstacle(Model):
    """A shape that stands still in the robot's base frame; every moving link keeps off it.

    Attributes:
        name: What reasons call it.
        shape: `plane` (the robot stays on the side of its normal), `box` or `sphere`.
        position: A point of the plane, or the centre [m].
        normal: Direction out of the plane; need not be of length 1.
        size: Sides of the box, along x, y and z [m].
        radius: Radius of the sphere [m].
    """

    name: Name
    shape: Literal['plane', 'box', 'sphere']
    position: Vector = (0.0, 0.0, 0.0)
    normal: tuple[q.Direction, q.Direction, q.Direction] | None = None
    size: tuple[q.Size, q.Size, q.Size] | None = None
    radius: q.Size | None = None

    @model_validator(mode='after')
    def _is_whole(self) -> 'Obstacle':
        key = {'plane': 'normal', 'box': 'size', 'sphere': 'radius'}[self.shape]
        given = [name for name in ('normal', 'size', 'radius') if getattr(self, name) is not None]
        if given != [key]:
            raise ValueError(f'a {self.shape} has a {key} and neither of the other two')
        if self.normal is not None and sum(x * x for x in self.normal) < 1e-12:
            raise ValueError('the normal of a plane has a direction')
        return self


class Safety(Model):
    """Limits the safety filter enforces. URDF limits alone protect nothing.

    Attributes:
        velocity: Highest speed of every joint [rad/s or m/s].
        acceleration: Highest acceleration of every joint [rad/s^2 or m/s^2].
        position_margin: Kept from every URDF position limit [rad or m].
        joints: Limits of single joints.
        self_collision_distance: Smallest distance between links, d_min [m].
        certificate_margin: The brake certificate keeps d_min and this much more [m].
        row_margin: The QP aims this much further inside than the certificate [m].
        row_return_rate: Rate at which a pair inside the QP's margin opens again [1/s].
        row_limit: Most rows in the QP.
        ignored_link_pairs: Pairs of links that may touch.
        arm_velocity: No joint may move faster than this when arming [rad/s or m/s].
        limit_tolerance: Share of a joint's range by which it may be outside its limits when
            arming; the command then leads it back inside.
        lag_tolerance: A command that is no further than this from what was asked, in every joint,
            rounds a corner or keeps a little more distance, and is no intervention [rad or m].
        max_future_s: How far in the future a stamp may be [s].
        max_rejections: So many unreadable or non-finite proposals in a row latch; 0: none do.
        step_budget: Share of the command period a step may take before it brakes; 0: no limit.
        proposal_timeout_s: A proposal older than this, or over for this long, ends [s].
        first_move: Largest jump that the first proposal may ask for [rad or m].
        tracking_error: |command - measured| that trips [rad or m].
        tracking_distance: Measured links may be closer than allowed by this much [m].
        tracking_error_ticks: For how many ticks in a row either trips.
        blend_s: Shortest fade into a new proposal [s].
        estop_heartbeat_s: Longest silence of a publisher of the e-stop [s]; 0 needs no heartbeat.
        brake_tail: Whether a command sent as a JointTrajectory carries full braking behind it, so
            that the controller itself stops the robot when no newer command comes.
        workspace: Shapes that stand still and that moving links keep off, at the distance that
            links keep from each other; none by default.
        tool_speed: Highest speed of the contract's tools [m/s] (reduced speed: 0.25); none by
            default.
        backend: What computes distances, rows and certificate: `coal`, `numba` (compiled at
            start-up; needs the extra `fast`), or `auto`: numba where it is installed.
        mode: What the filter does with a velocity it cannot send: `project` takes the closest
            one it can; `path` first slows down along the asked one.
        torque: How much of their effort joints may be asked for; not looked at by default.
        support: What the robot stands on; not looked at by default.
        refine: Pairs of links that are judged by their convex hulls where their capsules are too
            near, or `auto`: all of them; none by default.
        gone: Keys that there were, with the values that every hash was made of.
    """

    gone: ClassVar[dict[str, float]] = {'row_distance': 0.1, 'row_acceleration': 1.5}

    velocity: q.Speed = 1.5
    acceleration: q.Acceleration = 6.0
    position_margin: q.Tolerance = 0.0
    joints: dict[str, JointLimits] = {}
    self_collision_distance: q.Distance = 0.02
    certificate_margin: q.Margin = 0.003
    row_margin: q.Margin = 0.006
    row_return_rate: q.PerSecond = 4.0
    row_limit: q.Rows = 40
    ignored_link_pairs: tuple[tuple[str, str], ...] = ()
    arm_velocity: q.Speed = 0.1
    limit_tolerance: q.Share = 0.02
    lag_tolerance: q.Tolerance = 0.01
    max_future_s: q.Time = 0.02
    max_rejections: q.Rejections = 20
    step_budget: q.Budget = 1.0
    proposal_timeout_s: q.Age = 0.25
    first_move: q.Step = 0.35
    tracking_error: q.Step = 0.25
    tracking_distance: q.Margin = 0.002
    tracking_error_ticks: q.Ticks = 3
    blend_s: q.Time = 0.08
    estop_heartbeat_s: q.Silence = 0.0
    brake_tail: bool = True
    workspace: tuple[Obstacle, ...] = Field((), max_length=MANY)
    tool_speed: q.ToolSpeed | None = None
    backend: Literal['auto', 'coal', 'numba'] = 'auto'
    mode: Literal['project', 'path'] = 'project'
    torque: Annotated[Torque | None, LATER] = None
    support: Annotated[Support | None, LATER] = None
    refine: Annotated[Literal['auto'] | tuple[tuple[str, str], ...] | None, LATER] = None


class ContractFile(Model):
    """The YAML file, key by key.

    Attributes:
        name: The robot's name, which datasets and policies carry.
        urdf: Path of its URDF: beside the contract, absolute, or package://.
        observation: What is seen, where no robot is described.
        action: What is done, where no robot is described.
        rates: The two clocks.
        joint_states: The measured joint states.
        groups: Joints by controller; their order is the order of all joints.
        cameras: Camera streams.
        poses: Tracked objects.
        topics: Topics between our own nodes.
        safety: Limits that the safety filter enforces.
        home: Rest position by joint [rad or m].
        tools: Links that are led by a keyboard or gamepad, and that have a speed limit.
    """

    name: Name
    urdf: str | None = None
    observation: Observed | None = None
    action: Acted | None = None
    rates: Rates = Rates()
    joint_states: JointStates = JointStates()
    groups: tuple[Group, ...] = Field((), max_length=MANY)
    cameras: tuple[Camera, ...] = Field((), max_length=MANY)
    poses: tuple[Pose, ...] = Field((), max_length=MANY)
    topics: Topics = Topics()
    safety: Safety = Safety()
    home: dict[str, q.Position] = {}
    tools: tuple[str, ...] = ()
