# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Verbs that run nodes: sim, teleop, record, safety, deploy; and `check`."""

from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.table import Table
import typer

from ..errors import DataError, ImitationError, unknown
from .capsules import show_collision
from .options import ROBOT, Robot, Task
from .processes import foreground, ros_available

TERMINAL = 'keyboard'
RELATIVE = "Follow a leader's motion since the dead-man was pressed, as with a clutch."


class NoRosError(ImitationError, ImportError):
    """A verb needs rclpy."""


def _nodes(children: list[tuple[str, dict[str, object]]]) -> None:
    if not ros_available():
        raise NoRosError(
            'rclpy is not installed: source a ROS 2 installation, or use "make setup", '
            'which brings ROS 2 Kilted as wheels'
        )
    raise typer.Exit(foreground(children))


def sim(
    task: Task = 'lift',
    robot: Robot = ROBOT,
    renderer: Annotated[str, typer.Option(help='auto, egl, osmesa or ray.')] = 'auto',
    seed: Annotated[int, typer.Option(help='Seed of the first episode.', min=0)] = 0,
) -> None:
    """Run the MuJoCo humanoid as a ROS node, in place of a robot.

    Example: imitation_ros sim --task lift
    """
    _nodes([('sim', {'contract': robot, 'task': task, 'renderer': renderer, 'seed': seed})])


def teleop(
    source: Annotated[
        str, typer.Option(help='leader, keyboard, joy, or of a plug-in.')
    ] = 'leader',
    robot: Robot = ROBOT,
    relative: Annotated[bool, typer.Option('--relative', help=RELATIVE)] = False,
) -> None:
    """Turn an operator's leader arms, keys or gamepad into proposals.

    Beside a running policy, holding the dead-man takes over from it (docs/deployment.md).

    Examples: imitation_ros teleop --source keyboard; imitation_ros teleop --relative
    """
    _nodes([('teleop', {'contract': robot, 'source': source, 'relative': relative})])


def record(
    task: Annotated[str, typer.Option('--task', '-t', help='What is being shown.')],
    out: Annotated[Path, typer.Option('--out', '-o', help='Session folder.')] = Path('bags'),
    robot: Robot = ROBOT,
    operator: Annotated[str, typer.Option(help='Who shows it.')] = '',
    tasks: Annotated[
        str, typer.Option(help='Tasks that the key n goes through, separated by commas.')
    ] = '',
    buttons: Annotated[
        str,
        typer.Option(
            help='Buttons of a gamepad or pedal, such as "start=7, stop=7, discard=6, success=0".'
        ),
    ] = '',
    joy: Annotated[str, typer.Option(help='Topic of the gamepad or pedal.')] = '/joy',
    compress: Annotated[
        str, typer.Option(help='Compress raw images: jpeg, jpeg:85 or png. Depth is always PNG.')
    ] = '',
    minimum_rate: Annotated[
        float, typer.Option(help='Share of its rate below which a topic refuses the start.')
    ] = 0.5,
    discard_rejected: Annotated[
        bool, typer.Option('--discard-rejected', help='Put rejected takes into .dropped/.')
    ] = False,
) -> None:
    """Record demonstrations, one bag per episode.

    Keys: space starts and stops, s success, f failure, d discard, n next task, q quit. A session
    can be left and continued: episode numbers never collide.

    Examples: imitation_ros record --task lift --out bags/monday --operator ada;
    imitation_ros record --task lift --tasks lift,handover --buttons "start=7, stop=7, success=0";
    imitation_ros record --task lift --compress jpeg:90 --discard-rejected
    """
    from ..recording.compression import Compression

    Compression.parse(compress)
    listed = [name.strip() for name in tasks.split(',') if name.strip()]
    if listed and task not in listed:
        listed.insert(0, task)
    parameters: dict[str, object] = {
        'contract': robot,
        'task': task,
        'output': str(out),
        'operator': operator,
        'keys': True,
        'tasks': ','.join(listed),
        'buttons': buttons,
        'joy': joy,
        'compress': compress,
        'minimum_rate': float(minimum_rate),
        'discard_rejected': discard_rejected,
    }
    _nodes([('recorder', parameters)])


def safety(robot: Robot = ROBOT) -> None:
    """Run the safety node, the only publisher of joint commands.

    Example: imitation_ros safety --robot my_robot.yaml
    """
    _nodes([('safety', {'contract': robot})])


def deploy(
    policy: Annotated[Path, typer.Argument(help='policy.onnx')],
    robot: Robot = ROBOT,
    with_sim: Annotated[
        bool, typer.Option('--sim', help='Bring the simulator along in place of a robot.')
    ] = False,
    task: Task = 'lift',
    teleop: Annotated[
        str,
        typer.Option(help='Device to take over with: leader, joy, of a plug-in; else none.'),
    ] = '',
    relative: Annotated[bool, typer.Option('--relative', help=RELATIVE)] = False,
) -> None:
    """Run a policy behind the safety node until Ctrl-C.

    While the dead-man of the teleoperation is held, the operator drives and the policy is silent.
    The policy is checked against the robot first. Nothing moves before you arm:
    ros2 service call /safety/arm std_srvs/srv/Trigger

    Examples: imitation_ros deploy policy.onnx --robot my_robot.yaml;
    imitation_ros deploy policy.onnx --sim --task lift;
    imitation_ros deploy policy.onnx --teleop leader --relative
    """
    from ..contract import load
    from ..runtime.bundle import check_against
    from ..runtime.bundle import load as load_bundle
    from ..teleop.devices import DEVICES

    devices = [name for name in DEVICES if name != TERMINAL]
    if teleop not in ('', *devices):
        more = '; run "imitation_ros teleop --source keyboard" in a terminal of its own'
        raise DataError(
            unknown(teleop, 'device to take over with', devices)
            + (more if teleop == TERMINAL else '')
        )
    if teleop:
        DEVICES.find(teleop)
    bundle = load_bundle(policy)
    check_against(bundle, load(robot))
    if with_sim:
        from ..rollout.rollout import another_task
        from ..sim.tasks import TASKS

        TASKS.find(task)
        for warning in another_task(bundle, task):
            Console().print(f'[yellow]warning:[/yellow] {warning}', highlight=False)
    children: list[tuple[str, dict[str, object]]] = []
    if with_sim:
        children.append(('sim', {'contract': robot, 'task': task}))
    children.append(('safety', {'contract': robot}))
    children.append(
        ('policy', {'contract': robot, 'model': str(policy.resolve()), 'autostart': True})
    )
    if teleop:
        children.append(('teleop', {'contract': robot, 'source': teleop, 'relative': relative}))
    _nodes(children)


def check(
    robot: Robot = ROBOT,
    policy: Annotated[
        Path | None, typer.Option('--policy', '-p', help='Also check a policy.onnx against it.')
    ] = None,
    skipped: Annotated[
        bool, typer.Option('--skipped', help='List the link pairs that are not watched.')
    ] = False,
    fit_capsules: Annotated[
        bool,
        typer.Option(
            '--fit-capsules', help='Fit capsules to the URDF and keep them beside the contract.'
        ),
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help='Draw the capsules over the robot into this PNG.')
    ] = None,
) -> None:
    """Check a robot's contract: joints, limits, topics, capsules, self-collision pairs.

    Examples: imitation_ros check; imitation_ros check --robot my_robot.yaml --policy policy.onnx;
    imitation_ros check --robot my_robot.yaml --fit-capsules --picture capsules.png
    """
    from ..contract import load
    from ..kinematics.model import RobotModel
    from ..safety import backends
    from ..safety.geometry import link_capsules

    contract = load(robot)
    console = Console()
    if fit_capsules:
        fitted = link_capsules.fit(RobotModel(contract))
        link_capsules.beside(contract).write_text(fitted.dump(robot), encoding='utf-8')
        console.print(f'wrote {link_capsules.beside(contract)}')
    table = Table(title=f'{contract.name}: {contract.n} joints, contract {contract.hash[:12]}')
    for column in ('group', 'joint', 'lower', 'upper', 'v max', 'a max', 'home'):
        table.add_column(column, justify='left' if column in ('group', 'joint') else 'right')
    limits = contract.limits
    for group in contract.groups:
        for k, joint in enumerate(group.joints):
            i = contract.index(joint)
            numbers = (
                limits.lower[i],
                limits.upper[i],
                limits.velocity[i],
                limits.acceleration[i],
                contract.home[i],
            )
            table.add_row(group.name if k == 0 else '', joint, *(f'{x:.3f}' for x in numbers))
        table.add_section()
    console.print(table)
    for joint, speed in zip(contract.joints, limits.velocity, strict=True):
        if speed <= 0.0:
            console.print(
                f'[yellow]warning[/yellow]: {joint} can never move: its velocity limit is 0',
                highlight=False,
                soft_wrap=True,
            )
    topics = Table(title='topics')
    for column in ('what', 'topic', 'type', 'Hz'):
        topics.add_column(column)
    state = contract.joint_states
    topics.add_row('joint states', state.topic, 'JointState', f'{state.rate_hz:g}')
    for camera in contract.cameras:
        kind = camera.type.split('/')[-1]
        size = f'{camera.width}x{camera.height}'
        topics.add_row(f'{camera.name} {size}', camera.topic, kind, f'{camera.rate_hz:g}')
    for pose in contract.poses:
        topics.add_row(f'pose {pose.name}', pose.topic, 'PoseStamped', f'{pose.rate_hz:g}')
    for group in contract.groups:
        kind = group.output.type.split('/')[-1]
        rate = f'{contract.rates.command_hz:g}'
        topics.add_row(f'commands {group.name}', group.output.topic, kind, rate)
    console.print(topics)
    backend = backends.build(RobotModel(contract))
    show_collision(console, backend)
    for pair in backend.geometry.skipped if skipped else ():
        console.print(f'  {" / ".join(pair.links)}: {pair.reason}')
    if picture is not None:
        from ..reports.capsule_picture import draw

        draw(backend.geometry, picture)
        console.print(f'wrote {picture}')
    if policy is not None:
        from ..runtime.bundle import check_against
        from ..runtime.bundle import load as load_bundle

        bundle = load_bundle(policy)
        for warning in check_against(bundle, contract) or ():
            console.print(f'[yellow]warning[/yellow]: {warning}')
        console.print(f'{policy} fits {contract.name}')
