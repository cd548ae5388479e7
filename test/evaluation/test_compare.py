# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison: figures from made-up cells, whose truth is known, and one real cell."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from imitation_ros.cli.app import app
from imitation_ros.contract import Contract
from imitation_ros.data.store import Dataset
from imitation_ros.errors import ContractError, DataError
from imitation_ros.evaluation.compare import runs as cells_module
from imitation_ros.evaluation.compare.plan import Cell, KNOCK, NOMINAL, Plan
from imitation_ros.evaluation.compare.runs import CLEAR_PEAK, first, peak_mb, run
from imitation_ros.evaluation.compare.scores import crossing, Score, Scores
from imitation_ros.evaluation.compare.support import back_s, Tube
from imitation_ros.evaluation.compare.verdicts import judge
from imitation_ros.irl.adversarial.run import IrlResult
from imitation_ros.irl.config import IrlConfig
from imitation_ros.irl.methods import METHODS as IRL
from imitation_ros.learning import configure, Result
from imitation_ros.reports.compare_page import take, write
from imitation_ros.rollout.collection import collect
from imitation_ros.training.config import TrainConfig
from imitation_ros.training.run import TrainResult

METHODS = ('bc', 'act', 'diffusion')


def plan(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        'robot': 'imi_humanoid',
        'task': 'lift',
        'methods': METHODS,
        'demos': (2, 8),
        'seeds': 3,
        'trials': 20,
        'conditions': (NOMINAL, 'start:2', KNOCK),
    }
    return Plan(**{**values, **changes})


def made_up(
    wanted: Plan, rates: dict[str, dict[str, float]], cpu_s: dict[str, float]
) -> dict[Cell, dict[str, Any]]:
    """Cells whose success rates are known; with two demonstrations nothing succeeds."""
    rng = np.random.default_rng(0)
    cells = {}
    for cell in wanted.cells():
        conditions = {}
        for condition in wanted.conditions_of(cell):
            rate = rates[cell.method][condition] if cell.demos > 2 else 0.0
            conditions[condition] = [
                {'seed': s, 'success': bool(rng.random() < rate), 'seconds': None}
                for s in wanted.trial_seeds()
            ]
        keys = [str(seed) for seed in wanted.trial_seeds()]
        cells[cell] = {
            'cpu_s': cpu_s[cell.method] * (1 + 0.05 * cell.seed),
            'sim_steps': 0,
            'p50_ms': 0.1,
            'peak_mb': 500.0,
            'expert': 1.0,
            'conditions': conditions,
            'recovery': {
                'left': dict.fromkeys(keys, True),
                'back_s': dict.fromkeys(keys, 0.4),
            },
        }
    return cells


def rates(nominal: float, start: float, pull: float) -> dict[str, float]:
    return {NOMINAL: nominal, 'start:2': start, KNOCK: pull}


CPU = {'bc': 10.0, 'act': 80.0, 'diffusion': 30.0}
IRL_CPU = {'bc': 10.0, 'bc+irl': 60.0}


def scores(bc: dict[str, float], diffusion: dict[str, float], **changes: Any) -> Scores:
    wanted = plan(**changes)
    table = {'bc': bc, 'act': rates(1.0, 0.5, 0.5), 'diffusion': diffusion}
    return Scores(wanted, made_up(wanted, table, CPU))


def verdicts(found: Scores) -> dict[str, str]:
    return {judgement.claim: judgement.verdict for judgement in judge(found)}


def test_the_rows_are_what_was_put_in() -> None:
    found = scores(rates(1.0, 0.2, 0.5), rates(1.0, 0.9, 1.0))
    bc = found.methods['bc']
    assert bc.success[NOMINAL].value == 1.0
    assert bc.success['start:2'].value == pytest.approx(0.2, abs=0.15)
    assert bc.success['start:2'].low < bc.success['start:2'].value < bc.success['start:2'].high
    assert bc.worst == 'start:2'
    shares = [bc.success[c].value for c in ('start:2', KNOCK)]
    assert bc.robustness.value == pytest.approx(np.mean(shares))
    assert bc.recovery.value == pytest.approx(bc.success[KNOCK].value)
    assert bc.knocked_out == 60
    assert bc.back_s == 0.4
    # From nothing at 2 to all at 8: nine tenths of the way between their logarithms.
    assert bc.n90.value == pytest.approx(2 ** (1 + 0.9 * 2))
    assert bc.failed_seeds.value == 0.0
    assert found.methods['diffusion'].best == pytest.approx(1.0)


def test_claims_can_be_confirmed_and_refuted() -> None:
    weak = verdicts(scores(rates(0.9, 0.2, 0.2), rates(1.0, 0.95, 0.95)))
    assert weak['Behavioural Cloning is easy and cheap.'] == 'confirmed'
    assert weak['Behavioural Cloning drifts and does not recover from mistakes.'] == 'confirmed'
    assert weak['Diffusion policies are better.'] == 'confirmed'
    assert weak['Few demonstrations are enough.'] == 'confirmed'
    strong = verdicts(scores(rates(1.0, 1.0, 1.0), rates(0.3, 0.1, 0.1)))
    assert strong['Behavioural Cloning drifts and does not recover from mistakes.'] == 'refuted'
    assert strong['Diffusion policies are better.'] == 'refuted'
    poor = verdicts(
        scores(rates(0.1, 0.1, 0.1), rates(0.2, 0.1, 0.1), demos=(20, 40), methods=METHODS[::2])
    )
    assert poor['Few demonstrations are enough.'] == 'refuted'
    same = verdicts(scores(rates(0.9, 0.5, 0.5), rates(0.9, 0.5, 0.5)))
    assert same['Diffusion policies are better.'] in ('not confirmed', 'refuted')
    # Nobody ran a method that learns a reward.
    for claim in ('is hard and costly', 'is robust and recovers', 'makes it better'):
        assert [v for k, v in same.items() if claim in k] == ['unknown']


@pytest.mark.parametrize(('seeds', 'trials'), [(1, 20), (2, 4)])
def test_too_few_seeds_or_trials_decide_nothing(seeds: int, trials: int, tmp_path: Path) -> None:
    """The best figures and the worst: a bootstrap of so few has no width, and proves nothing."""
    for nominal, other in ((1.0, 0.0), (0.0, 1.0)):
        found = scores(
            *(rates(rate, rate, rate) for rate in (nominal, other)), seeds=seeds, trials=trials
        )
        judged = judge(found)
        assert {j.verdict for j in judged} <= {'not confirmed', 'unknown'}
        assert any('too few to judge by' in j.why for j in judged)
    page = write(found, tmp_path).read_text()
    assert f'{"1 seed" if seeds == 1 else "2 seeds"}, 2, 8 demonstrations' in page
    assert 'take ' not in page.split('<h1>')[1].split('</h1>')[0]
    assert '1 seeds' not in page
    assert json.loads((tmp_path / 'compare.json').read_text())['too_few']


def test_few_are_enough_only_where_few_were_tried_often_enough() -> None:
    claim = 'Few demonstrations are enough.'
    best = rates(1.0, 1.0, 1.0)
    # 16 of 16 may be 81 %; 60 of 60 are more than 90 %.
    assert verdicts(scores(best, best, seeds=2, trials=8))[claim] == 'not confirmed'
    assert verdicts(scores(best, best))[claim] == 'confirmed'
    # Nobody tried as few as ten: neither is the claim refuted, nor shown between 2 and 40.
    assert verdicts(scores(best, best, demos=(20, 40)))[claim] == 'not confirmed'
    assert verdicts(scores(best, best, demos=(2, 12)))[claim] == 'not confirmed'


def test_recovery_of_a_few_is_not_what_irl_is_judged_by() -> None:
    """One trial of each was knocked out, and only that of BC came back."""
    wanted = plan(methods=('bc', 'bc+irl'))
    table = {'bc': rates(0.5, 0.2, 0.2), 'bc+irl': rates(1.0, 1.0, 1.0)}
    cells = made_up(wanted, table, IRL_CPU)
    for cell, values in cells.items():
        values['recovery']['left'] = dict.fromkeys(values['recovery']['left'], False)
        if cell.demos == 8 and cell.seed == 0:
            first_trial = str(wanted.trial_seeds()[0])
            values['recovery']['left'][first_trial] = True
            values['conditions'][NOMINAL][0]['success'] = True
            values['conditions'][KNOCK][0]['success'] = cell.method == 'bc'
    assert verdicts(Scores(wanted, cells))['Inverse RL is robust and recovers.'] == 'confirmed'


def test_the_page_says_what_is_missing(tmp_path: Path) -> None:
    found = scores(
        rates(1.0, 0.2, 0.5), rates(1.0, 0.9, 1.0), methods=(*METHODS, 'nobody-has-this')
    )
    page = write(found, tmp_path).read_text()
    assert 'not in this version, so not measured: nobody-has-this' in page
    assert page.count('<svg') == 5
    values = json.loads((tmp_path / 'compare.json').read_text())
    assert values['not_available'] == ['nobody-has-this']
    assert set(values['methods']) == set(METHODS)
    assert take(found) == 'diffusion'
    with pytest.raises(DataError, match='cells are not done yet'):
        Scores(plan(), {})


def test_what_cannot_be_told_is_no_number() -> None:
    """Without a knock there is no recovery to speak of, in words or figures."""
    wanted = plan(methods=('bc', 'bc+irl'), conditions=(NOMINAL, 'start:2'))
    rate = {NOMINAL: 1.0, 'start:2': 0.5}
    found = Scores(wanted, made_up(wanted, {m: rate for m in wanted.methods}, IRL_CPU))
    reasons = [judgement.why for judgement in judge(found)]
    assert any('recovery not told' in why for why in reasons)
    assert not any('nan' in why for why in reasons)


def test_the_terminal_says_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of intervals in brackets, which are no markup."""
    never = {NOMINAL: 0.0, 'start:2': 0.0, KNOCK: 0.0, 'push:2': 0.0}

    def done(wanted: Plan, _: Path) -> Any:
        return made_up(wanted, dict.fromkeys(wanted.methods, never), IRL_CPU).items()

    monkeypatch.setattr(cells_module, 'run', lambda *_: None)
    monkeypatch.setattr(cells_module, 'results', done)
    words = ['compare', '--small', '--methods', 'bc,bc+irl', '--out', str(tmp_path)]
    told = ' '.join(CliRunner().invoke(app, words, catch_exceptions=False).output.split())
    assert '90 % of the expert: bc never [never, never]' in told
    assert 'lift, 10 demonstrations' in told and '1 seeds' not in told


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cells_module, 'run', interrupted)
    words = ['compare', '--small', '--methods', 'bc', '--out', str(tmp_path / 'out')]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 130
    assert 'stopped after 0 of 4 trainings; the same command goes on' in done.output
    wrong = CliRunner().invoke(app, [*words, '--updates', '0'])
    assert wrong.exit_code == 2 and "'--updates'" in wrong.output


def test_an_unknown_robot_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match='not a known robot'):
        run(plan(robot='nobody'), tmp_path / 'out', 1, lambda *_: None)
    assert not (tmp_path / 'out').exists()


def test_demonstrations_that_were_cut_off_are_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = plan(task='reach', demos=(2,), seeds=1)
    seen: list[int] = []
    folder = tmp_path / 'demos' / '0'
    contract = cells_module.load(wanted.robot)
    collect(contract, 'reach', 2, folder, progress=seen.append, stop=lambda: bool(seen))
    cells_module.demonstrate(wanted, tmp_path)
    assert len(Dataset(folder)) == 2
    monkeypatch.setattr(cells_module, 'collect', None)
    cells_module.demonstrate(wanted, tmp_path)


def test_never_is_told() -> None:
    assert crossing((2, 4), np.array([0.0, 0.5]), 0.9) == np.inf
    assert crossing((2, 4), np.array([0.95, 0.5]), 0.9) == 2.0
    score = Score.of(np.inf, np.array([np.inf, np.inf, 4.0]))
    assert score.to_dict() == {'value': 'never', 'low': 4.0, 'high': 'never'}
    assert Score.of(np.nan, np.array([np.nan])).to_dict()['low'] is None


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'task': 'lft'}, 'is not a task; did you mean "lift"'),
        ({'demos': (5, 2)}, 'must rise'),
        ({'methods': ('bc', 'bc')}, 'name each once'),
        ({'conditions': ('push:2',)}, 'nominal'),
        ({'conditions': (NOMINAL, 'psh:2')}, 'did you mean "push"'),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        plan(**changes)


def test_a_folder_of_another_comparison_is_kept(tmp_path: Path) -> None:
    plan().keep(tmp_path / 'out')
    plan(methods=('bc', 'flow')).keep(tmp_path / 'out')  # more methods may come later
    with pytest.raises(DataError, match='trials differ'):
        plan(trials=8).keep(tmp_path / 'out')


def test_back_inside() -> None:
    assert back_s([False, True, True, False], 0.5) == 1.0
    assert back_s([False, True, True], 0.5) is None
    assert back_s([False, False], 0.5) is None


@pytest.mark.sim
def test_the_tube_holds_the_demonstrations_and_not_the_rest(
    tmp_path: Path, contract: Contract
) -> None:
    dataset = collect(contract, 'reach', 3, tmp_path / 'data')
    assert len(first(dataset, 2)) == 2
    tube = Tube(dataset, contract)

    class Seen:
        def __init__(self, q: Any, pose: Any) -> None:
            self.q, self.object_pose = q, pose

    episode = dataset.episode(0)
    pose = np.asarray(episode.poses['object'])
    inside = [tube.state(Seen(np.asarray(q), p)) for q, p in zip(episode.q, pose, strict=True)]  # type: ignore[arg-type]
    assert not tube.outside(inside).any()
    far = tube.state(Seen(np.asarray(episode.q[10]) + 0.5, pose[10]))  # type: ignore[arg-type]
    assert tube.outside([far]).all()


@pytest.mark.sim
@pytest.mark.slow
def test_a_real_cell_is_run_once(tmp_path: Path) -> None:
    small = plan(
        task='reach', methods=('bc',), demos=(2,), seeds=1, trials=2, conditions=(NOMINAL, KNOCK)
    )
    small = Plan.from_dict({**small.to_dict(), 'updates': 40})
    seen: list[str] = []
    run(small, tmp_path / 'out', 1, lambda cell, _: seen.append(cell.name))
    result = tmp_path / 'out' / 'cells' / 'bc-002-0' / 'cell.json'
    values = json.loads(result.read_text())
    assert set(values['conditions']) == {NOMINAL, KNOCK}
    assert len(values['recovery']['left']) == 2
    assert values['parity'] <= 1e-5
    before = result.stat().st_mtime_ns
    run(small, tmp_path / 'out', 1, lambda cell, _: seen.append(cell.name))
    assert result.stat().st_mtime_ns == before
    assert seen == ['bc-002-0', 'bc-002-0']


def test_practice_begins_with_the_bc_of_its_own_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of 800 updates: thrice as many for BC, 8 iterations after it, and both are paid."""
    asked: dict[str, Any] = {}

    def train(
        dataset: Any, out: Path, method: str, *, changes: Any, init: Any, resume: bool
    ) -> Result:
        config = configure(method, changes)
        if isinstance(config, TrainConfig):
            asked.update(bc=config)
            return TrainResult(out, None, True, config.updates, 0.0, None, (), None)
        asked.update(config=config, init=init)
        return IrlResult(out, True, iterations=8, began=0.5, success=0.75, steps=14400)

    monkeypatch.setattr(cells_module, 'train', train)
    wanted = plan(methods=('bc', 'bc+irl'), updates=800)
    folders = {}
    for method in wanted.methods:
        folders[method] = tmp_path / Cell(method, 8, 1).name
        folders[method].mkdir()
    dataset: Any = None
    cells_module._train(wanted, Cell('bc', 8, 1), dataset, folders['bc'])
    (folders['bc'] / 'cell.json').write_text(json.dumps({'cpu_s': 100.0}))
    cost = cells_module._train(wanted, Cell('bc+irl', 8, 1), dataset, folders['bc+irl'])
    assert asked['init'] == folders['bc'] / 'run'
    assert asked['bc'].updates == asked['config'].bc.updates == 2400
    assert asked['config'].iterations == 8
    assert asked['config'].seed == asked['bc'].seed == 1
    assert asked['config'].guard.episodes == 12
    assert 100.0 < cost['cpu_s'] < 101.0
    assert (cost['began'], cost['chosen']) == (0.5, 0.75)
    alone = plan(methods=('bc+irl',))
    cells_module._train(alone, Cell('bc+irl', 8, 1), dataset, folders['bc+irl'])
    assert asked['init'] is None


@pytest.mark.parametrize('updates', [None, 800])
@pytest.mark.parametrize('method', IRL)
def test_every_method_of_irl_is_configured_by_a_plan(method: str, updates: int | None) -> None:
    wanted = plan(methods=('bc', method), updates=updates)
    assert wanted.known == ('bc', method)
    config = configure(*cells_module._inverse(wanted, Cell(method, 8, 1)))
    assert (config.method, config.seed) == (method, 1)
    assert isinstance(config, IrlConfig)
    assert getattr(config, 'task', None) == ('lift' if config.in_simulation else None)
    if updates is not None:
        length = config.iterations if config.in_simulation else config.updates  # type: ignore[attr-defined]
        assert length == (8 if config.in_simulation else 800)


def test_the_peak_of_memory_is_that_of_a_cell() -> None:
    CLEAR_PEAK.write_text('5')
    before = peak_mb()
    block = bytearray(b'1' * 50_000_000)
    assert peak_mb() > before + 45.0
    del block
    CLEAR_PEAK.write_text('5')
    assert peak_mb() < before + 25.0
