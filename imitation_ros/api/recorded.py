# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From recordings, or a scripted expert, to a dataset: audit, convert, collect."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract import load
from ..contract.loading import Source
from ..data.store import Dataset
from ..errors import DataError

if TYPE_CHECKING:
    from ..bags.audit.report import Audit
    from ..conversion.convert import Progress

Size = tuple[int, int]
"""Height and width of an image [pixels]."""

Bags = str | Path | Iterable[str | Path]
"""A bag, a folder that holds bags, or several of either."""


def found_bags(bags: Bags) -> list[Path]:
    """Every bag in some places, by name in each; raises BagError where there is none."""
    from ..bags.layout import find_bags

    places = [bags] if isinstance(bags, str | Path) else list(bags)
    if not places:
        raise DataError('no bags: name a bag, or a folder that holds bags')
    return [path for place in places for path in find_bags(Path(place))]


def audit(bags: Bags, *, contract: Source | None = None) -> tuple['Audit', ...]:
    """Say which bags are fit for training, and why others are not.

        >>> [found.verdict for found in imitation_ros.audit('bags')]
        ['ok', 'ok']

    Args:
        bags: Bags, or folders that hold bags; of any recorder.
        contract: What should be in them; the contract inside each bag if None.

    Returns:
        For each bag its verdict (`ok`, `warn` or `reject`), the reasons in sentences, and what was
        found of each topic: rate [Hz], gaps, delay [s]. A bag that cannot be read is rejected.

    Raises:
        BagError: If there is no bag.
        ContractError: If the contract is wrong.
    """
    from ..bags.audit.bag import audit as audit_bag
    from ..bags.audit.report import Audit
    from ..bags.reader import Bag

    robot = None if contract is None else load(contract)
    audits: list[Audit] = []
    for path in found_bags(bags):
        try:
            with Bag(path) as bag:
                audits.append(audit_bag(bag, robot))
        except DataError as error:
            reason = str(error).removeprefix(f'{path}: ')
            audits.append(Audit(path.name, 0.0, 'reject', (reason,), ()))
    return tuple(audits)


def convert(
    bags: Bags,
    out: str | Path,
    *,
    contract: Source | None = None,
    cameras: Mapping[str, Size | None] | None = None,
    poses: Iterable[str] | None = None,
    failures: bool = False,
    unknown: bool = False,
    rejected: bool = False,
    recovered: bool = False,
    trim_idle_s: float | None = None,
    progress: Callable[['Progress'], None] | None = None,
) -> Dataset:
    """Convert bags to a dataset: frames and actions on the contract's grid.

        >>> dataset = imitation_ros.convert('bags', 'new/data', cameras={'head_camera': (24, 32)})
        >>> dataset.manifest.policy_hz, len(dataset)
        (25.0, 2)

    Args:
        bags: Bags, or folders that hold bags.
        out: New or empty folder of the dataset.
        contract: Contract of bags that hold none; that inside the bags if None.
        cameras: Cameras to keep, each with its new (height, width) [pixels] or None for its own;
            all at their own size if None.
        poses: Tracked poses to keep; all if None.
        failures: Keep episodes marked as failures.
        unknown: Keep episodes that were never marked, though they could have been.
        rejected: Keep episodes that the audit rejects.
        recovered: Keep episodes that were repaired after a crash.
        trim_idle_s: Cut idle heads and tails, but for this long [s]; None cuts nothing.
        progress: Called after every bag.

    Returns:
        The dataset; its `manifest.report` says what became of every bag, and how old each
        modality was [ms].

    Raises:
        BagError: If there is no bag.
        DataError: If the bags do not agree on a contract, or no episode is fit.
    """
    from ..conversion.convert import convert as convert_bags
    from ..conversion.convert import Options

    options = Options(
        cameras=cameras,
        poses=None if poses is None else tuple(poses),
        failures=failures,
        unknown=unknown,
        rejected=rejected,
        recovered=recovered,
        trim_idle_s=trim_idle_s,
    )
    robot = None if contract is None else load(contract)
    convert_bags(found_bags(bags), Path(out), options, robot, progress)
    return Dataset(out)


def collect(
    task: str,
    count: int,
    out: str | Path,
    *,
    contract: Source = 'imi_humanoid',
    seed: int = 0,
    initial_state_range: float = 1.0,
    noise: float = 0.0,
    failures: int = 0,
    failure_noise: float = 0.1,
    cameras: Mapping[str, Size] | None = None,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Dataset:
    """Let the scripted expert of a task demonstrate it in simulation, without ROS.

        >>> dataset = imitation_ros.collect('reach', 2, 'new/reach')
        >>> [meta.outcome for meta in dataset.manifest.episodes]
        ['success', 'success']

    Args:
        task: Name of the task.
        count: How many successful demonstrations.
        out: New or empty folder of the dataset.
        contract: The robot.
        seed: Seed of the first start; each attempt takes the next one.
        initial_state_range: Factor on the region of the starts.
        noise: Standard deviation of the shaking [rad]; on prismatic joints a tenth of it [m].
        failures: How many failed attempts to keep as well, marked as failures.
        failure_noise: Standard deviation of the tremor in those [rad].
        cameras: Cameras to keep, each with its (height, width) [pixels]; none if None.
        resume: Go on with the collection in that folder, bit for bit.
        progress: Called with the number of episodes after each.
        stop: Asked before each attempt; if it says so, the dataset is what there is by then.

    Returns:
        The dataset.

    Raises:
        ContractError: If there is no such task, camera or robot.
        DataError: If the expert fails more often than it succeeds, or the folder holds something
            else.
    """
    from ..data.observation import CameraInput
    from ..rollout.collection import collect as collect_demonstrations

    return collect_demonstrations(
        load(contract),
        task,
        count,
        Path(out),
        seed=seed,
        initial_state_range=initial_state_range,
        noise=noise,
        progress=progress,
        failures=failures,
        failure_noise=failure_noise,
        cameras=[CameraInput(name, *size) for name, size in (cameras or {}).items()],
        resume=resume,
        stop=stop,
    )
