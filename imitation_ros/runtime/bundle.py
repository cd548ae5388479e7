# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bundle: what a policy.onnx says of itself, and whether that fits a robot.

The file is the whole hand-over from training to the robot: the graph takes raw units and gives
joint positions, the metadata says whose. Nothing here guesses: what is missing is an error. A
policy for another robot often has the right shapes and would move the wrong joints, so
`check_against` compares names, limits, cameras and rates and lists all that differs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import difflib
import hashlib
from pathlib import Path
import re
from typing import Any

from ..contract import Contract, loads
from ..data.frame import JOINT_STATES
from ..data.observation import ObservationSpec
from ..documents import parse_json, shown
from ..errors import ContractError, DataError, DocumentError, MismatchError, ModelError
from .graph import BYTES, FLOAT, open_model, Tensor
from .seal import SEAL, seal

KEY = 'imitation_ros'
"""Metadata key of the model file."""

FORMAT = 1
"""Newest metadata format this version reads."""

MANDATORY = (
    'method',
    'observation',
    'contract_name',
    'contract_text',
    'contract_hash',
    'urdf_text',
    'joint_limits',
    'statistics',
)

STATE = 'state'
NOISE = 'noise'
ACTIONS = 'actions'

LIMIT_TOLERANCE = 1e-6
"""Limits closer than this are the same [rad or m]; they pass through float32."""


@dataclass(frozen=True)
class Bundle:
    """A policy.onnx, read but not yet run.

    Attributes:
        path: The file.
        sha256: Its hash: which policy moved the robot.
        observation: What the policy sees and which joints it moves.
        method: How it was trained, such as `bc`.
        contract_name: Robot it was trained for.
        contract_text: That robot's contract.
        contract_hash: Hash of that contract and its URDF.
        urdf_text: That robot's URDF.
        joint_limits: Lowest and highest position [rad or m] of each joint it moves.
        statistics: Statistics of the training data (already inside the graph).
        bags: Names of the bags it was trained on.
        tasks: Tasks that those bags show; of files that do not say so, from the bags' names.
        metrics: Held-out metrics of the training.
        parity: Difference from the trained network on recorded frames.
        versions: Versions of the packages that made it.
        created: When it was exported (ISO 8601).
        noise: Whether a chunk is made from noise, which is an input of the graph.
        inputs: Inputs of the graph by name.
        outputs: Outputs of the graph by name.
        sealed: Whether a hash binds graph and metadata; files of older versions have none.
    """

    path: Path
    sha256: str
    observation: ObservationSpec
    method: str
    contract_name: str
    contract_text: str
    contract_hash: str
    urdf_text: str
    joint_limits: Mapping[str, tuple[float, float]]
    statistics: Mapping[str, Any]
    bags: tuple[str, ...]
    tasks: tuple[str, ...]
    metrics: Mapping[str, Any]
    parity: Mapping[str, Any]
    versions: Mapping[str, str]
    created: str
    noise: bool
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    sealed: bool = False

    @property
    def expected_inputs(self) -> dict[str, Tensor]:
        """Inputs that the observation asks for, and the noise of a generative policy."""
        spec = self.observation
        images = {
            camera.name: Tensor(BYTES, (1, spec.history, camera.height, camera.width, 3))
            for camera in spec.cameras
        }
        expected = {STATE: Tensor(FLOAT, (1, spec.history, spec.size)), **images}
        if self.noise:
            expected[NOISE] = Tensor(FLOAT, (1, spec.chunk, len(spec.actions)))
        return expected

    @property
    def expected_output(self) -> Tensor:
        """Output that the observation asks for."""
        spec = self.observation
        return Tensor(FLOAT, (1, spec.chunk, len(spec.actions)))


def load(path: str | Path) -> Bundle:
    """Read a policy.onnx and everything it says of itself.

    Raises:
        ModelError: If the file is missing, is no ONNX model, has no metadata of ours, or was
            written by a newer version.
    """
    path = Path(path).expanduser()
    session = open_model(path, optimize=False)
    metadata = session.get_modelmeta().custom_metadata_map
    if KEY not in metadata:
        raise ModelError(
            f'{path} has no "{KEY}" metadata (it has: {", ".join(sorted(metadata)) or "none"}); '
            'make policies with "imitation_ros export"'
        )
    data = path.read_bytes()
    sealed = _check_seal(path, data, metadata)
    try:
        values = parse_json(metadata[KEY], f'{path}: its "{KEY}" metadata')
    except DocumentError as error:
        raise ModelError(str(error)) from error
    if not isinstance(values, dict):
        raise ModelError(f'{path}: its "{KEY}" metadata is no mapping')
    version = values.get('format')
    if not isinstance(version, int) or version < 1:
        raise ModelError(f'{path}: metadata format {version!r} is not a number from 1')
    if version > FORMAT:
        raise ModelError(
            f'{path} has metadata format {version}, this version reads up to {FORMAT}; '
            'update imitation_ros on the robot, or export again with the version it runs'
        )
    missing = [key for key in MANDATORY if key not in values]
    if missing:
        raise ModelError(f'{path}: its metadata lacks {", ".join(missing)}')
    try:
        observation = ObservationSpec.from_dict(values['observation'])
        limits = {
            str(joint): (float(low), float(high))
            for joint, (low, high) in values['joint_limits'].items()
        }
        _check_kinds(values)
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        DataError,
    ) as error:
        raise ModelError(
            f'{path}: its observation or joint limits are damaged: {type(error).__name__}: '
            f'{str(error)[:300]}'
        ) from error
    return Bundle(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        observation=observation,
        method=str(values['method']),
        contract_name=str(values['contract_name']),
        contract_text=str(values['contract_text']),
        contract_hash=str(values['contract_hash']),
        urdf_text=str(values['urdf_text']),
        joint_limits=limits,
        statistics=values['statistics'],
        bags=tuple(str(bag) for bag in values.get('bags', ())),
        tasks=tuple(
            str(task) for task in values.get('tasks', tasks_named(values.get('bags', ())))
        ),
        metrics=values.get('metrics', {}),
        parity=values.get('parity', {}),
        versions=values.get('versions', {}),
        created=str(values.get('created', '')),
        noise=values.get('noise', False) is True,
        inputs={i.name: Tensor(i.type, tuple(i.shape)) for i in session.get_inputs()},
        outputs={o.name: Tensor(o.type, tuple(o.shape)) for o in session.get_outputs()},
        sealed=sealed,
    )


def _check_seal(path: Path, data: bytes, metadata: Mapping[str, str]) -> bool:
    """Whether a hash binds the graph to what the file says of it.

    Raises:
        ModelError: If there is one, and it is of another graph or of other metadata.
    """
    if SEAL not in metadata:
        return False
    try:
        found = seal(data, metadata[KEY])
    except ValueError as error:
        raise ModelError(f'{path} is no ONNX model: {error}') from error
    if found != metadata[SEAL]:
        raise ModelError(
            f'{path}: its graph and its metadata were not exported together, one of them was '
            'changed since; export the policy again'
        )
    return True


_TEXTS = ('method', 'contract_name', 'contract_text', 'contract_hash', 'urdf_text', 'created')
_LISTS = ('bags', 'tasks', 'held_out_bags')
_MAPPINGS = ('statistics', 'metrics', 'parity', 'versions')


def _check_kinds(values: Mapping[str, Any]) -> None:
    """Check the kinds of what a file says of itself.

    Raises:
        TypeError: Names the first that is of another.
    """
    for kind, word, keys in (
        (str, 'text', _TEXTS),
        (list, 'list', _LISTS),
        (dict, 'mapping', _MAPPINGS),
    ):
        for key in keys:
            if key in values and not isinstance(values[key], kind):
                raise TypeError(f'"{key}" is {shown(values[key])}, no {word}')


def tasks_named(bags: Iterable[object]) -> list[str]:
    """Tasks that bags are called after: `<task>_<NNNN>`, corrections `<task>_corrected_<NNNN>`."""
    found = (re.fullmatch(r'(.+?)(_corrected)?_\d{4,}', str(bag)) for bag in bags)
    return sorted({match[1] for match in found if match})


def check_against(bundle: Bundle, contract: Contract) -> tuple[str, ...]:
    """Check that a policy was made for this robot.

    Args:
        bundle: The policy.
        contract: Contract of the robot at hand.

    Returns:
        Warnings: the contracts differ, but in nothing that the policy depends on.

    Raises:
        MismatchError: With every difference that matters.
        ContractError: If the contract describes data and no robot.
    """
    contract.require_robot('a policy that moves joints')
    differences = [
        *_graph(bundle),
        *_joints(bundle, contract),
        *_limits(bundle, contract),
        *_poses(bundle, contract),
        *_rate(bundle, contract),
    ]
    try:
        trained = loads(bundle.contract_text, Path(bundle.path), bundle.urdf_text)
    except ContractError as error:
        differences.append(f'the contract inside the model is damaged: {error}')
    else:
        differences += [*_cameras(bundle, contract, trained), *_signals(bundle, contract, trained)]
    if differences:
        raise MismatchError(
            f'{bundle.path} was made for "{bundle.contract_name}" and does not fit '
            f'"{contract.name}":',
            differences,
        )
    warnings: list[str] = []
    if not bundle.sealed:
        warnings.append(
            'it was exported by a version that did not bind graph and metadata by a hash: that '
            'they belong together is not checked; export it again'
        )
    if bundle.contract_hash == contract.hash:
        return tuple(warnings)
    warnings.append(
        f'trained with contract {bundle.contract_name} {bundle.contract_hash[:12]}, running with '
        f'{contract.name} {contract.hash[:12]}; nothing the policy uses differs'
    )
    if bundle.urdf_text != contract.urdf_text:
        warnings.append('the URDF differs from the one it was trained with')
    return tuple(warnings)


def _near(name: str, choices: Iterable[str]) -> str:
    """Suggest the closest name; a whole list per missing joint would bury the rest."""
    close = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ''


def _graph(bundle: Bundle) -> Iterator[str]:
    """Inputs and outputs of the graph against its own metadata."""
    expected = bundle.expected_inputs
    for name, tensor in expected.items():
        if name not in bundle.inputs:
            yield f'input "{name}" {tensor} is missing from the graph'
        elif bundle.inputs[name] != tensor:
            yield f'input "{name}" is {bundle.inputs[name]}, the metadata asks for {tensor}'
    for name in bundle.inputs:
        if name not in expected:
            yield f'input "{name}" {bundle.inputs[name]} of the graph is not in the metadata'
    output = bundle.outputs.get(ACTIONS)
    if output is None:
        yield f'output "{ACTIONS}" {bundle.expected_output} is missing from the graph'
    elif output != bundle.expected_output:
        yield f'output "{ACTIONS}" is {output}, the metadata asks for {bundle.expected_output}'


def _joints(bundle: Bundle, contract: Contract) -> Iterator[str]:
    """Joints that the robot lacks, and groups that are only moved in part."""
    wanted = bundle.observation.joints
    missing = [joint for joint in wanted if joint not in contract.joints]
    for joint in missing:
        free = [known for known in contract.joints if known not in wanted]
        yield f'joint "{joint}" is not on the robot{_near(joint, free)}'
    for group in contract.groups:
        moved = [joint for joint in group.joints if joint in wanted]
        left_out = [joint for joint in group.joints if joint not in wanted]
        # With joints missing by name, their groups are incomplete for that reason alone.
        if moved and left_out and not missing:
            yield (
                f'group "{group.name}" is moved in part: not {", ".join(left_out)}; '
                'a policy moves whole groups'
            )


def _limits(bundle: Bundle, contract: Contract) -> Iterator[str]:
    """Position limits: the graph clamps to those it was trained with."""
    for joint in bundle.observation.joints:
        if joint not in contract.joints:
            continue
        if joint not in bundle.joint_limits:
            yield f'joint "{joint}" has no limits in the model'
            continue
        i = contract.index(joint)
        ours = (float(contract.limits.lower[i]), float(contract.limits.upper[i]))
        theirs = bundle.joint_limits[joint]
        # `not <=` so that a NaN limit differs too.
        if not all(abs(a - b) <= LIMIT_TOLERANCE for a, b in zip(ours, theirs, strict=True)):
            yield (
                f'joint "{joint}" was trained within [{theirs[0]:.6g}, {theirs[1]:.6g}], '
                f'the robot has [{ours[0]:.6g}, {ours[1]:.6g}]'
            )


def _cameras(bundle: Bundle, contract: Contract, trained: Contract) -> Iterator[str]:
    """Cameras that the robot lacks, or that see another picture size."""
    sizes = {camera.name: (camera.width, camera.height) for camera in trained.cameras}
    ours = {camera.name: (camera.width, camera.height) for camera in contract.cameras}
    for camera in bundle.observation.cameras:
        if camera.name not in sizes:
            yield f'camera "{camera.name}" is not in the contract inside the model'
        elif camera.name not in ours:
            yield f'camera "{camera.name}" is not on the robot{_near(camera.name, ours)}'
        elif ours[camera.name] != sizes[camera.name]:
            (a, b), (c, d) = sizes[camera.name], ours[camera.name]
            yield f'camera "{camera.name}" was trained at {a}x{b}, the robot has {c}x{d}'


def _poses(bundle: Bundle, contract: Contract) -> Iterator[str]:
    """Tracked poses that the robot lacks."""
    known = [pose.name for pose in contract.poses]
    for name in bundle.observation.poses:
        if name not in known:
            yield f'pose "{name}" is not tracked on the robot{_near(name, known)}'


def _rate(bundle: Bundle, contract: Contract) -> Iterator[str]:
    """Policy rate: the same actions at another rate are another motion."""
    theirs, ours = bundle.observation.policy_hz, contract.rates.policy_hz
    if not abs(theirs - ours) <= 1e-6 * ours:
        yield f'policy rate was {theirs:g} Hz in training, the robot has {ours:g} Hz'


def _signals(bundle: Bundle, contract: Contract, trained: Contract) -> Iterator[str]:
    """Ways of resampling: another way makes other values of the same messages."""
    theirs, ours = (
        {JOINT_STATES: of.joint_states} | {pose.name: pose for pose in of.poses}
        for of in (trained, contract)
    )
    for name in (JOINT_STATES, *bundle.observation.poses):
        if name not in theirs or name not in ours:
            continue
        then, now = ((of[name].resample, of[name].delay_s) for of in (theirs, ours))
        if then != now:
            yield (
                f'"{name}" was resampled by {then[0]} {then[1]:g} s before the tick in training, '
                f'on the robot by {now[0]} {now[1]:g} s before it'
            )
