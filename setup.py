# Copyright 2026 The imitation_ros authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from setuptools import find_packages, setup

package_name = 'imitation_ros'
readme = Path('README.md')  # `colcon build --symlink-install` runs this file where it is not

ros = [
    'ros-kilted-rclpy',
    'ros-kilted-rmw-fastrtps-cpp',
    'ros-kilted-builtin-interfaces',
    'ros-kilted-diagnostic-msgs',
    'ros-kilted-geometry-msgs',
    'ros-kilted-lifecycle-msgs',
    'ros-kilted-rosgraph-msgs',
    'ros-kilted-sensor-msgs',
    'ros-kilted-std-msgs',
    'ros-kilted-std-srvs',
    'ros-kilted-trajectory-msgs',
]
robot = ['pin>=3.4', 'daqp>=0.7', 'onnxruntime>=1.18', 'isal>=1.7']
sim = ['mujoco>=3.5', 'pin-pink>=3.3', 'qpsolvers>=4.4']
fast = ['numba>=0.60']
report = ['matplotlib>=3.8', 'jinja2>=3.1']
train = [
    # A range, so that a torch built for the user's own GPU is kept. constraints.txt pins the one
    # that is tested, and which pip finds on PyTorch's CPU index as well.
    'torch>=2.7,<3',
    'onnx>=1.18',
    'onnxscript>=0.5',
    'safetensors>=0.4',
    'tensorboard>=2.17',
]
lerobot = ['pyarrow>=15', 'av>=12']
# The last MyST for Python 3.10 wants an older markdown-it-py than the pinned one.
docs = [
    f'{name} ; python_version > "3.10"'
    for name in ('sphinx>=8.2', 'myst-parser>=5', 'furo>=2024.8.6')
]
test = [
    'pytest>=8,<10',
    'pytest-timeout',
    'pytest-xdist',
    'hypothesis',
    'ruff',
    'mypy',
    'import-linter',
    'types-PyYAML',
    'mcap-ros2-support',
    'example-robot-data',
    'pandas>=2.2',  # an example reads bags with it
]


def data_files():
    """List what goes into share/imitation_ros and lib/imitation_ros.

    The nodes' programs are plain files in lib/imitation_ros, where `ros2 run` and `ros2 launch`
    look, because pip would put entry points called `safety` or `sim` on everybody's PATH.
    """
    share = Path('share') / package_name
    files = [
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'lib/{package_name}', sorted(map(str, Path('resource/nodes').iterdir()))),
        (str(share), ['package.xml']),
    ]
    for top in ('launch', 'config', 'urdf'):
        for folder in sorted({path.parent for path in Path(top).rglob('*') if path.is_file()}):
            if folder.name != '__pycache__':
                found = sorted(str(path) for path in folder.iterdir() if path.is_file())
                files.append((str(share / folder), found))
    return files


def package_data():
    """List the files of the package that are no modules (templates, styles, py.typed)."""
    package = Path(package_name)
    return [
        str(path.relative_to(package))
        for path in sorted(package.rglob('*'))
        if path.is_file() and path.suffix != '.py' and '__pycache__' not in path.parts
    ]


setup(
    name=package_name,
    version='0.2.0',
    description='Teach a humanoid by showing it: record, train, deploy, behind a safety filter.',
    long_description=readme.read_text(encoding='utf-8') if readme.is_file() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    maintainer='The imitation_ros authors',
    maintainer_email='maintainers@imitation-ros.invalid',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={package_name: package_data()},
    data_files=data_files(),
    python_requires='>=3.10',
    install_requires=[
        'setuptools',
        'numpy>=1.26',
        'PyYAML>=6',
        'pydantic>=2.7',
        'typer>=0.12',
        'rich>=13',
        'rosbags>=0.10.8',
        'mcap>=1.2',
        'lz4>=3.1',
        'zstandard>=0.20',
        'opencv-python-headless>=4.9',
    ],
    extras_require={
        'ros': ros,
        'robot': robot,
        'sim': [*robot, *sim],
        'report': report,
        'train': [*robot, *report, *train],
        'fast': [*robot, *fast],
        'lerobot': lerobot,
        'docs': docs,
        'test': test,
        'all': [*ros, *robot, *sim, *report, *train, *fast, *lerobot, *docs, *test],
    },
    zip_safe=False,
    entry_points={'console_scripts': ['imitation_ros = imitation_ros.cli:main']},
)
