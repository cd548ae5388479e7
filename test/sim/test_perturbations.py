# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every perturbation does what it says, by its seed alone, and level 0 does nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import mujoco
import numpy as np
import pytest

from imitation_ros import plugins
from imitation_ros.contract import Contract
from imitation_ros.errors import DataError
from imitation_ros.sim.perturbations import Disturbed, parse, Perturbation, PERTURBATIONS, Setting
from imitation_ros.sim.robot import SimRobot

pytestmark = pytest.mark.sim

DT = 0.01
WAVE = ('right_shoulder_pitch_joint', 'right_elbow_joint')


@pytest.fixture(scope='module')
def sim(contract: Contract) -> Iterator[SimRobot]:
    robot = SimRobot(contract, 'lift', renderer='ray')
    yield robot
    robot.close()


@pytest.fixture(scope='module')
def reach(contract: Contract) -> SimRobot:
    return SimRobot(contract, 'reach', renderer=None)


def run(
    sim: SimRobot, *settings: str, seed: int = 1, seconds: float = 1.6, truth: bool = False
) -> dict[str, np.ndarray]:
    """Wave an arm, and write down what is shown (or, with `truth`, what is)."""
    world = Disturbed(sim, [parse(text) for text in settings])
    world.reset(seed)
    columns = [sim.contract.index(joint) for joint in WAVE]
    seen: dict[str, list[Any]] = {'q': [], 'v': [], 'object': []}
    for tick in range(round(seconds / DT)):
        source = sim if truth else world
        for name, value in (('q', source.q), ('v', source.v), ('object', source.object_pose)):
            seen[name].append(value)
        q = np.array(sim.contract.home)
        q[columns] += 0.3 * np.sin(3.0 * tick * DT)
        sim.command(q)
        world.advance(DT)
    world.restore()
    return {name: np.array(values) for name, values in seen.items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_level_0_is_the_world_as_it_is(sim: SimRobot) -> None:
    plain = run(sim)
    assert same(plain, run(sim, truth=True))
    assert same(plain, run(sim, *(f'{name}:0' for name in PERTURBATIONS)))


BLIND = [name for name in PERTURBATIONS if name not in ('camera', 'mass', 'friction')]


@pytest.mark.parametrize('name', BLIND)
def test_the_seed_decides_and_the_level_scales(sim: SimRobot, name: str) -> None:
    plain = run(sim)
    one = run(sim, f'{name}:1')
    assert not same(one, plain)
    assert same(one, run(sim, f'{name}:1'))
    assert not same(one, run(sim, f'{name}:1', seed=2))
    assert not same(one, run(sim, f'{name}:3'))


def test_one_leaves_the_other_as_it_was(sim: SimRobot) -> None:
    noise = [run(sim, 'noise:2', *more)['q'][0] for more in ([], ['dropout:1'], ['push:3'])]
    np.testing.assert_array_equal(noise[0], noise[1])
    np.testing.assert_array_equal(noise[0], noise[2])


@pytest.mark.parametrize('name', ['delay', 'noise', 'dropout'])
def test_what_is_shown_changes_and_the_world_does_not(sim: SimRobot, name: str) -> None:
    assert same(run(sim, truth=True), run(sim, f'{name}:3', truth=True))


def test_a_push_moves_the_object_once(sim: SimRobot) -> None:
    plain, pushed = run(sim)['object'], run(sim, 'push:3')['object']
    apart = np.linalg.norm(pushed[:, :3] - plain[:, :3], axis=1)
    first = int(np.argmax(apart > 1e-6)) * DT
    assert 0.4 <= first <= 1.25
    assert 0.01 < apart[-1] < 0.3
    assert apart[-1] == pytest.approx(apart[-10], abs=1e-4)
    speed = np.linalg.norm(np.diff(pushed[:, :2], axis=0), axis=1) / DT
    # Friction takes up to 0.1 m/s of it within the first period.
    assert 0.4 < speed.max() < 0.6


def test_a_target_is_put_aside(reach: SimRobot) -> None:
    plain, pushed = run(reach)['object'], run(reach, 'push:2')['object']
    apart = np.linalg.norm(pushed[:, :3] - plain[:, :3], axis=1)
    assert set(np.round(apart, 9)) == {0.0, 0.04}


def test_a_pull_displaces_a_hand_and_lets_it_go(reach: SimRobot) -> None:
    plain, pulled = run(reach, seconds=2.5)['q'], run(reach, 'pull:3', seconds=2.5)['q']
    apart = np.abs(pulled - plain).max(axis=1)
    moved = np.flatnonzero(apart > 1e-6)
    assert 0.4 <= moved[0] * DT <= 1.25
    assert apart.max() > 0.05
    assert apart[-1] < 0.1 * apart.max()
    right = [reach.contract.index(j) for j in reach.contract.group('right_arm').joints]
    assert np.abs(pulled - plain)[:, right].max() == apart.max()


def test_starts_are_further_out(sim: SimRobot) -> None:
    centre = np.array(sim.scene.task.centre[:2])
    near = np.array([run(sim, seed=i, seconds=DT)['object'][0, :2] for i in range(20)])
    far = np.array([run(sim, 'start:3', seed=i, seconds=DT)['object'][0, :2] for i in range(20)])
    np.testing.assert_allclose(far - centre, 2.0 * (near - centre), atol=2e-3)


def test_old_is_what_was_seen_before(sim: SimRobot) -> None:
    plain, late = run(sim), run(sim, 'delay:2')
    for name in plain:
        np.testing.assert_array_equal(late[name][6:], plain[name][:-6])
        np.testing.assert_array_equal(late[name][:6], np.tile(plain[name][0], (6, 1)))


def test_noise_has_the_size_it_says(sim: SimRobot) -> None:
    plain, noisy = run(sim), run(sim, 'noise:2')
    model = sim.scene.model
    slides = np.array(
        [
            model.joint(joint).type[0] == mujoco.mjtJoint.mjJNT_SLIDE
            for joint in sim.contract.joints
        ]
    )
    error = noisy['q'] - plain['q']
    assert slides.sum() == 2
    assert error[:, ~slides].std() == pytest.approx(5e-3, rel=0.05)
    assert error[:, slides].std() == pytest.approx(5e-4, rel=0.15)
    assert (noisy['v'] - plain['v'])[:, ~slides].std() == pytest.approx(5e-2, rel=0.05)
    np.testing.assert_array_equal(noisy['object'], plain['object'])


def test_a_lost_sample_is_the_former_one(sim: SimRobot) -> None:
    plain, holed = run(sim), run(sim, 'dropout:3')
    lost = (holed['q'] != plain['q']).any(axis=1)
    assert 0.15 < lost[5:].mean() < 0.45
    for tick in np.flatnonzero(lost):
        np.testing.assert_array_equal(holed['q'][tick], holed['q'][tick - 1])


@pytest.mark.parametrize(
    ('name', 'read'),
    [
        ('mass', lambda m, thing: float(m.body_mass[thing])),
        ('friction', lambda m, thing: float(m.geom_friction[m.geom_bodyid == thing][0, 0])),
    ],
)
def test_the_object_is_made_of_something_else(
    sim: SimRobot, name: str, read: Callable[[Any, int], float]
) -> None:
    model, thing = sim.scene.model, sim.scene.object
    true = read(model, thing)
    world = Disturbed(sim, [Setting(name, 2)])
    found = set()
    for seed in range(8):
        world.reset(seed)
        found.add(round(read(model, thing) / true, 6))
    world.restore()
    assert found == ({0.6, 1.4} if name == 'mass' else {0.6})
    assert read(model, thing) == true


def test_a_pushed_object_slides_further_where_it_is_slippery(sim: SimRobot) -> None:
    plain, slippery = (
        run(sim, 'push:3', f'friction:{level}', seed=3)['object'][:, :2] for level in (0, 3)
    )
    slid = [np.linalg.norm(each[-1] - each[0]) for each in (plain, slippery)]
    # The way of a sliding body goes with one over the friction.
    assert slid[1] / slid[0] == pytest.approx(1 / 0.4, rel=0.1)


def test_the_solver_knows_the_new_mass(sim: SimRobot) -> None:
    model, thing = sim.scene.model, sim.scene.object
    true = float(model.body_invweight0[thing, 0])
    world = Disturbed(sim, [Setting('mass', 3)])
    world.reset(0)
    factor = true / float(model.body_invweight0[thing, 0])
    assert min(abs(factor - 1.6), abs(factor - 0.4)) < 1e-6
    world.restore()
    assert float(model.body_invweight0[thing, 0]) == pytest.approx(true, rel=1e-12)


def test_cameras_are_moved_and_put_back(sim: SimRobot) -> None:
    sim.reset(1)
    plain = sim.render('head_camera').copy()
    worlds = [Disturbed(sim, [Setting('camera', level)]) for level in (0, 1, 3)]
    changes = []
    for world in worlds:
        world.reset(1)
        changes.append(np.abs(world.render('head_camera').astype(float) - plain).mean())
        world.restore()
    assert changes[0] == 0.0
    assert 0.0 < changes[1] < changes[2]
    sim.reset(1)
    np.testing.assert_array_equal(sim.render('head_camera'), plain)


def test_images_are_late_too(sim: SimRobot) -> None:
    world = Disturbed(sim, [Setting('delay', 3)])
    world.reset(1)
    first = world.render('head_camera').copy()
    truth = []
    for _ in range(15):
        q = np.array(sim.contract.home)
        q[sim.contract.index('neck_yaw_joint')] = 0.5
        sim.command(q)
        world.advance(DT)
        truth.append(sim.render('head_camera').copy())
        shown = world.render('head_camera')
    assert np.abs(truth[-1].astype(float) - first).mean() > 1.0
    np.testing.assert_array_equal(shown, truth[4])


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('pusch:1', 'did you mean "push"'),
        ('push:4', 'level 4 is not from 0 to 3'),
        ('push', 'write name:0 to name:3'),
        ('push:hard', 'write name:0 to name:3'),
    ],
)
def test_what_there_is_not_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(text)


def test_twice_is_refused(reach: SimRobot) -> None:
    with pytest.raises(DataError, match='stands twice'):
        Disturbed(reach, [Setting('push', 1), Setting('push', 2)])


def test_a_setting_prints_as_it_is_read() -> None:
    assert str(parse('dropout:2')) == 'dropout:2'
    assert parse('dropout:2').amount == 0.15


def test_a_knocked_hand_goes_its_way_and_comes_back(sim: SimRobot) -> None:
    """Every level moves a hand about as far as it says, at a time of its own, and lets it go."""
    for level, way in ((1, 0.03), (2, 0.06), (3, 0.1)):
        world = Disturbed(sim, [Setting('slip', level)])
        world.reset(4)
        places = []
        for _ in range(300):
            sim.command(np.array(sim.contract.home))
            world.advance(DT)
            places.append([sim.tool_position(tool) for tool in sim.contract.tools])
        apart = np.linalg.norm(np.array(places) - places[0], axis=2)
        knocked = int(np.argmax(apart.max(axis=0)))
        # The hand is fast when the push ends, and runs on for a moment.
        assert way * 0.9 < apart[:, knocked].max() < 1.7 * way
        first = int(np.argmax(apart[:, knocked] > 1e-4)) * DT
        assert 0.8 <= first <= 1.65
        assert apart[-1].max() < 0.1 * way


@dataclass(frozen=True)
class _Everything(Perturbation):
    """Uses each hook of a perturbation that is not built in."""

    def change_world(self, sim: SimRobot, amount: float, rng: np.random.Generator) -> None:
        sim.scene.model.body_mass[sim.scene.pushed] *= 1.0 + amount

    def act(self, sim: SimRobot, amount: float, rng: np.random.Generator) -> None:
        sim.pull('left_tool_link', 100.0 * amount * rng.standard_normal(3))

    def look(
        self, seen: dict[str, np.ndarray], amount: float, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        return {**seen, 'q': seen['q'] + amount}


def test_one_that_is_plugged_in_has_a_hook_for_each_kind(
    sim: SimRobot, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = _Everything('mine', (0.5, 1.0, 1.5, 2.0), 'x', 'everything')
    monkeypatch.setitem(PERTURBATIONS._loaded, 'mine', mine)
    source = plugins.Source('nobody 1.0', EntryPoint('mine', 'x:y', 'imitation_ros.perturbations'))
    monkeypatch.setitem(plugins._sources()['perturbations'], 'mine', (source,))
    mass = sim.scene.model.body_mass[sim.scene.pushed]
    plain = run(sim)
    assert same(plain, run(sim, 'mine:0'))
    assert not same(plain, run(sim, 'mine:1'))
    assert same(run(sim, 'mine:2'), run(sim, 'mine:2'))
    disturbed = Disturbed(sim, [parse('mine:1')])
    disturbed.reset(3)
    assert disturbed.q == pytest.approx(sim.q + 1.0)
    assert sim.scene.model.body_mass[sim.scene.pushed] == pytest.approx(2.0 * mass)
    disturbed.restore()
    assert sim.scene.model.body_mass[sim.scene.pushed] == mass
