# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a dataset to a policy, and to its one file: train, export."""

from pathlib import Path
from typing import Any, TYPE_CHECKING

from ..data.store import Dataset

if TYPE_CHECKING:
    from rich.console import Console

    from ..export.onnx import ExportResult
    from ..learning import Config, Result


def train(
    data: str | Path | Dataset,
    out: str | Path,
    method: 'str | Path | Config' = 'bc',
    *,
    init: str | Path | None = None,
    resume: bool = False,
    console: 'Console | None' = None,
    **changes: Any,
) -> 'Result':
    """Train a policy from a dataset, by any method.

        >>> result = imitation_ros.train('data', 'new/run', 'bc', updates=20)
        >>> result.finished, result.folder.name
        (True, 'run')

    Ctrl-C ends it after the running update, with a checkpoint that `resume` goes on from, bit for
    bit. Episodes marked as failures, rejected or never marked are left out.

    Args:
        data: The dataset.
        out: Folder of the run: configuration, checkpoints, metrics, curves.
        method: Name of a method (`bc`, `act`, `flow`, `diffusion`, `irl-...`, `bc+irl`, one of a
            plug-in), a YAML file that configures one, or a configuration.
        init: Run of BC that inverse RL begins with; it trains one if None.
        resume: Go on with the run in that folder.
        console: Where progress is shown; None shows none.
        **changes: Values that replace those of the method's YAML, by key: `updates=2000`,
            `seed=1`, `network={'width': 64}`.

    Returns:
        How it ended: whether it was finished, the folder, the curves.

    Raises:
        TrainingError: If a key or value is wrong (with the choices), the data is not fit, the
            folder holds another run, or there is nothing to resume.
        DataError: If there is no dataset, or it is damaged.
    """
    from ..learning import train as train_policy

    return train_policy(
        data, out, method, changes=changes, init=init, resume=resume, console=console
    )


def export(
    run: str | Path, data: str | Path | Dataset, out: str | Path = 'policy.onnx'
) -> 'ExportResult':
    """Export a trained policy to one policy.onnx, and prove that it equals torch.

        >>> result = imitation_ros.export('run', 'data', 'new/policy.onnx')
        >>> result.parity.holds
        True

    Normalisation, joint limits, contract, statistics and bag names are inside the file.

    Args:
        run: Folder of a training, or one of its checkpoints.
        data: The dataset it was trained on.
        out: The file to write.

    Returns:
        The file, the largest difference from torch [rad; in the data's own unit without a robot],
        and the duration of one inference [ms].

    Raises:
        TrainingError: If the checkpoint is damaged, or onnxruntime and torch differ.
        MismatchError: If the dataset is not the one of the training.
        DataError: If there is no dataset.
    """
    from ..export.onnx import export as export_policy

    dataset = data if isinstance(data, Dataset) else Dataset(data)
    return export_policy(Path(run), Path(out), dataset)
