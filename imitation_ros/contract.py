# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot contract: one YAML file that every part of the package reads.

It names the URDF, the joints in order and in groups, the topics with their types, rates and
maximum ages, and the safety limits. There is no language inside it, only values. `load` checks
it against the URDF and says which key is wrong, what it holds and what it could hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
import yaml

from . import resources
from .errors import ContractError, unknown
from .urdf import parse as parse_urdf
from .urdf import Urdf

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Topic = Annotated[str, Field(pattern=r'^/[A-Za-z_/][A-Za-z0-9_/]*$')]
Name = Annotated[str, Field(pattern=r'^[a-z][a-z0-9_]*$')]
Array = NDArray[np.float64]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra='forbid')


class Qos(_Model):
    """Quality of service of a topic."""

    reliability: Literal['reliable', 'best_effort'] = 'reliable'
    depth: int = Field(10, ge=1)


class Output(_Model):
    """How a group's commands leave the safety node."""

    topic: Topic
    type: Literal['trajectory_msgs/msg/JointTrajectory', 'std_msgs/msg/Float64MultiArray'] = (
        'trajectory_msgs/msg/JointTrajectory'
    )


class Group(_Model):
    """Joints that one controller drives, in the controller's order."""

    name: Name
    joints: tuple[str, ...] = Field(min_length=1)
    output: Output


class JointStates(_Model):
    """Where joint positions and velocities come from (sensor_msgs/msg/JointState)."""

    topic: Topic = '/joint_states'
    rate_hz: Positive = 200.0
    max_age_s: Positive = 0.05
    qos: Qos = Qos(depth=100)


class Camera(_Model):
    """One camera image stream."""

    name: Name
    topic: Topic
    type: Literal['sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage']
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    rate_hz: Positive = 30.0
    max_age_s: Positive = 0.2
    qos: Qos = Qos(depth=5)


class Pose(_Model):
    """One tracked object (geometry_msgs/msg/PoseStamped, in the robot's base frame)."""

    name: Name
    topic: Topic
    rate_hz: Positive = 50.0
    max_age_s: Positive = 0.2
    qos: Qos = Qos()


class Topics(_Model):
    """The topics between our own nodes."""

    proposal: Topic = '/proposal'
    command: Topic = '/safety/command'
    verdict: Topic = '/safety/verdict'
    estop: Topic = '/safety/estop'


class Rates(_Model):
    """The two clocks of the package."""

    policy_hz: Positive = 25.0
    command_hz: Positive = 100.0


class JointLimits(_Model):
    """Safety limits of one joint; what is left out falls back to the profile."""

    velocity: Positive | None = None
    acceleration: Positive | None = None
    lower: float | None = None
    upper: float | None = None


class Safety(_Model):
    """Limits the safety filter enforces. URDF limits alone protect nothing.

    Attributes:
        velocity: Highest speed of every joint [rad/s or m/s].
        acceleration: Highest acceleration of every joint [rad/s^2 or m/s^2].
        position_margin: Kept from every URDF position limit [rad or m].
        joints: Limits of single joints.
        self_collision_distance: Smallest distance between links, d_min [m].
        certificate_margin: The brake certificate keeps d_min and this much more [m].
        row_margin: The QP aims this much further inside than the certificate [m].
        row_distance: Pairs closer than d_min and this much get a row in the QP [m].
        row_acceleration: Deceleration with which the QP approaches another link [m/s^2].
        row_return_rate: Rate at which a pair inside the QP's margin opens again [1/s].
        row_limit: Most rows in the QP.
        ignored_link_pairs: Pairs of links that may touch.
        arm_velocity: No joint may move faster than this when arming [rad/s or m/s].
        limit_tolerance: Share of a joint's range by which it may be outside its limits when
            arming; the command then leads it back inside.
        lag_tolerance: A lag up to this rounds a corner and is no intervention [rad or m].
        max_future_s: How far in the future a stamp may be [s].
        proposal_timeout_s: A proposal older than this, or over for this long, ends [s].
        first_move: Largest jump that the first proposal may ask for [rad or m].
        tracking_error: |command - measured| that trips [rad or m].
        tracking_error_ticks: For how many ticks in a row.
        blend_s: Cross-fade into a new proposal [s].
        estop_heartbeat_s: Longest silence on the e-stop topic [s]; 0 needs no heartbeat.
    """

    velocity: Positive = 1.5
    acceleration: Positive = 6.0
    position_margin: NotNegative = 0.0
    joints: dict[str, JointLimits] = {}
    self_collision_distance: Positive = 0.02
    certificate_margin: NotNegative = 0.003
    row_margin: NotNegative = 0.006
    row_distance: Positive = 0.1
    row_acceleration: Positive = 1.5
    row_return_rate: NotNegative = 4.0
    row_limit: int = Field(40, ge=1)
    ignored_link_pairs: tuple[tuple[str, str], ...] = ()
    arm_velocity: Positive = 0.1
    limit_tolerance: NotNegative = 0.02
    lag_tolerance: NotNegative = 0.01
    max_future_s: NotNegative = 0.02
    proposal_timeout_s: Positive = 0.25
    first_move: Positive = 0.35
    tracking_error: Positive = 0.25
    tracking_error_ticks: int = Field(3, ge=1)
    blend_s: NotNegative = 0.08
    estop_heartbeat_s: NotNegative = 0.0


class _File(_Model):
    """The YAML file, key by key."""

    name: Name
    urdf: str
    rates: Rates = Rates()
    joint_states: JointStates = JointStates()
    groups: tuple[Group, ...] = Field(min_length=1)
    cameras: tuple[Camera, ...] = ()
    poses: tuple[Pose, ...] = ()
    topics: Topics = Topics()
    safety: Safety = Safety()
    home: dict[str, float] = {}
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Limits of every joint in contract order, each of shape (n,).

    Attributes:
        lower: Lowest allowed position [rad or m].
        upper: Highest allowed position [rad or m].
        velocity: Highest allowed speed [rad/s or m/s].
        acceleration: Highest allowed acceleration [rad/s^2 or m/s^2].
        effort: Highest effort of the actuator [Nm or N].
    """

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    effort: Array

    def __post_init__(self) -> None:
        """Make the arrays read-only and check that every range holds a position."""
        for array in (self.lower, self.upper, self.velocity, self.acceleration, self.effort):
            array.setflags(write=False)
        if not (self.lower < self.upper).all():
            raise ContractError(f'a lower limit is not below its upper: {self}')


@dataclass(frozen=True)
class Contract:
    """A loaded, checked contract.

    Attributes:
        name: Name of the robot.
        urdf_path: Where the URDF was found.
        urdf_text: The URDF itself.
        text: The YAML itself, as it goes into bags and models.
        hash: SHA-256 over the values of the YAML and the text of the URDF.
        joints: Joint names in contract order.
        groups: Groups of joints, whose concatenation is `joints`.
        limits: Limits of every joint, in contract order.
        home: Home position [rad or m], shape (n,).
    """

    name: str
    urdf_path: Path
    urdf_text: str
    text: str
    hash: str
    joints: tuple[str, ...]
    groups: tuple[Group, ...]
    limits: Limits
    home: Array
    rates: Rates
    joint_states: JointStates
    cameras: tuple[Camera, ...]
    poses: tuple[Pose, ...]
    topics: Topics
    safety: Safety
    tools: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of joints."""
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint in contract order.

        Raises:
            ContractError: If the contract has no such joint.
        """
        if joint not in self.joints:
            raise ContractError(unknown(joint, 'joint', self.joints))
        return self.joints.index(joint)

    def group(self, name: str) -> Group:
        """Group by name; raises ContractError, listing the groups, if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise ContractError(unknown(name, 'group', (group.name for group in self.groups)))

    def camera(self, name: str) -> Camera:
        """Camera by name; raises ContractError, listing the cameras, if there is none."""
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise ContractError(unknown(name, 'camera', (camera.name for camera in self.cameras)))


def available() -> dict[str, Path]:
    """Contracts that come with the package, by name."""
    return {path.stem: path for path in sorted(resources.path('config/robots').glob('*.yaml'))}


def load(source: str | Path) -> Contract:
    """Load a contract and check it against its URDF.

    Args:
        source: Path of a YAML file, or the name of a contract that comes with the package.

    Raises:
        ContractError: With the key, its value and the choices, whatever is wrong.
    """
    path = Path(source)
    if path.suffix not in ('.yaml', '.yml'):
        known = available()
        if str(source) not in known:
            raise ContractError(unknown(str(source), 'known robot (or a .yaml file)', known))
        path = known[str(source)]
    try:
        text = path.read_text(encoding='utf-8')
    except OSError as error:
        raise ContractError(f'cannot read the contract {path}: {error.strerror}') from error
    return loads(text, path)


def loads(text: str, path: Path, urdf_text: str | None = None) -> Contract:
    """Load a contract from its text.

    Args:
        text: The YAML.
        path: Where it came from: relative URDF paths start there.
        urdf_text: The URDF, if it is at hand (in a bag or a model); else the file is read.

    Raises:
        ContractError: As `load`.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ContractError(f'{path}: not YAML: {error}') from error
    if not isinstance(values, Mapping):
        raise ContractError(f'{path}: a contract is a mapping, not {type(values).__name__}')
    try:
        file = _File.model_validate(values)
    except ValidationError as error:
        raise ContractError(explain(error, path, _File)) from error
    try:
        urdf_path = _find_urdf(file.urdf, path)
    except ContractError:
        # With the text at hand (in a bag or a model) the package that has the file may be absent.
        if urdf_text is None:
            raise
        urdf_path = Path(file.urdf)
    if urdf_text is None:
        try:
            urdf_text = urdf_path.read_text(encoding='utf-8')
        except OSError as error:
            raise ContractError(
                f'{path}: urdf: cannot read {urdf_path}: {error.strerror}'
            ) from error
    urdf = parse_urdf(urdf_text, str(urdf_path))
    joints = _check_joints(file, urdf, path)
    canonical = json.dumps(file.model_dump(mode='json'), sort_keys=True)
    return Contract(
        name=file.name,
        urdf_path=urdf_path,
        urdf_text=urdf_text,
        text=text,
        hash=hashlib.sha256((canonical + urdf_text).encode()).hexdigest(),
        joints=joints,
        groups=file.groups,
        limits=_limits(file, urdf, joints, path),
        home=_home(file, urdf, joints, path),
        rates=file.rates,
        joint_states=file.joint_states,
        cameras=file.cameras,
        poses=file.poses,
        topics=file.topics,
        safety=file.safety,
        tools=file.tools,
    )


def explain(error: ValidationError, source: Path | str, root: type[BaseModel]) -> str:
    """Turn pydantic's report on a file into one line per problem, with the closest known key."""
    lines = []
    for problem in error.errors():
        where = '.'.join(str(part) for part in problem['loc'])
        if problem['type'] == 'extra_forbidden':
            model = root
            for part in problem['loc'][:-1]:
                model = _child(model, part)
            key = str(problem['loc'][-1])
            lines.append(f'{where}: {unknown(key, "key", model.model_fields)}')
        elif problem['type'] == 'missing':
            lines.append(f'{where}: this key is missing')
        else:
            lines.append(f'{where}: {problem["msg"]}, not {problem["input"]!r}')
    return f'{source}: ' + '\n  '.join(lines)


def _child(model: type[BaseModel], part: str | int) -> type[BaseModel]:
    """Model that a key of another model holds (lists and dictionaries: of their items)."""
    if isinstance(part, int) or part not in model.model_fields:
        return model
    found: list[type[BaseModel]] = []

    def walk(annotation: object) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        for argument in getattr(annotation, '__args__', ()):
            walk(argument)

    walk(model.model_fields[part].annotation)
    return found[0] if found else model


def _find_urdf(urdf: str, path: Path) -> Path:
    """Resolve `package://imitation_ros/...`, an absolute path, or one relative to the YAML."""
    own = 'package://imitation_ros/'
    if urdf.startswith(own):
        return resources.path(urdf.removeprefix(own))
    if urdf.startswith('package://'):
        return resources.find_share(urdf.removeprefix('package://'))
    return (path.parent / urdf).resolve()


def _check_joints(file: _File, urdf: Urdf, path: Path) -> tuple[str, ...]:
    """Check names, repeats and omissions; return the contract order."""
    seen: dict[str, str] = {}
    for group in file.groups:
        for joint in group.joints:
            where = f'{path}: groups.{group.name}.joints'
            if joint not in urdf.joints:
                raise ContractError(f'{where}: {unknown(joint, "joint", urdf.actuated)}')
            if urdf.joints[joint].mimic is not None:
                raise ContractError(
                    f'{where}: "{joint}" mimics "{urdf.joints[joint].mimic}" and takes no command'
                )
            if joint in seen:
                raise ContractError(
                    f'{where}: "{joint}" stands twice (also in {seen[joint]}); '
                    'a joint has one group'
                )
            seen[joint] = group.name
    for what, names in (
        ('groups', [group.name for group in file.groups]),
        ('groups.output.topic', [group.output.topic for group in file.groups]),
        ('cameras', [camera.name for camera in file.cameras]),
        ('poses', [pose.name for pose in file.poses]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise ContractError(f'{path}: {what}: "{name}" stands twice')
    for where, mentioned in (('safety.joints', file.safety.joints), ('home', file.home)):
        for joint in mentioned:
            if joint not in seen:
                raise ContractError(f'{path}: {where}: {unknown(joint, "joint", seen)}')
    for link in [*file.tools, *(link for pair in file.safety.ignored_link_pairs for link in pair)]:
        if link not in urdf.links:
            raise ContractError(f'{path}: {unknown(link, "link", urdf.links)}')
    return tuple(seen)


def _limits(file: _File, urdf: Urdf, joints: tuple[str, ...], path: Path) -> Limits:
    """Take the tighter of the profile and the URDF; refuse a joint limit outside the URDF."""
    rows = []
    for name in joints:
        joint = urdf.joints[name]
        own = file.safety.joints.get(name, JointLimits())
        where = f'{path}: safety.joints.{name}'
        for key, value, low, high in (
            ('lower', own.lower, joint.lower, joint.upper),
            ('upper', own.upper, joint.lower, joint.upper),
            ('velocity', own.velocity, 0.0, joint.velocity),
        ):
            if value is not None and not low <= value <= high:
                raise ContractError(
                    f'{where}.{key}: {value} is outside the limits of the URDF, [{low}, {high}]'
                )
        margin = file.safety.position_margin
        lower = joint.lower + margin if own.lower is None else own.lower
        upper = joint.upper - margin if own.upper is None else own.upper
        if not lower < upper:
            raise ContractError(f'{where}: lower {lower} is not below upper {upper}')
        velocity = own.velocity or min(file.safety.velocity, joint.velocity)
        acceleration = own.acceleration or file.safety.acceleration
        rows.append((lower, upper, velocity, acceleration, joint.effort))
    columns = np.array(rows, dtype=np.float64).T
    return Limits(*(np.ascontiguousarray(column) for column in columns))


def _home(file: _File, urdf: Urdf, joints: tuple[str, ...], path: Path) -> Array:
    """Home position in contract order; 0 (or the nearest limit) where none is given."""
    home = np.empty(len(joints))
    for i, name in enumerate(joints):
        joint = urdf.joints[name]
        position = file.home.get(name, float(np.clip(0.0, joint.lower, joint.upper)))
        if not joint.lower <= position <= joint.upper:
            raise ContractError(
                f'{path}: home.{name}: {position} is outside the limits of the URDF, '
                f'[{joint.lower}, {joint.upper}]'
            )
        home[i] = position
    home.setflags(write=False)
    return home
