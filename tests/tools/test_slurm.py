"""The Slurm scripts, with stand-ins for what only a cluster has: they say what they were asked to run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / 'tools' / 'slurm'
#: Runs a task on this machine, as Slurm would on every node.
SRUN = """#!/bin/bash
echo "srun $*" >> calls
while [[ $1 == --* ]]; do [[ $1 == *=* ]] && shift || shift 2; done
SLURM_PROCID=0 exec "$@"
"""
TOLD = '#!/bin/bash\necho "{name} threads=$OMP_NUM_THREADS $*" >> calls\n'
#: The head of the cluster stays until it is ended.
RAY = TOLD.format(name='ray') + '[[ $1 == start ]] && { touch head; exec sleep 60; }\n[[ -e head ]]\n'


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """A folder whose `bin` has the stand-ins; they write what they were told into `calls`."""
    (tmp_path / 'bin').mkdir()
    commands = {
        'srun': SRUN, 'ray': RAY, 'python': TOLD.format(name='python'),
        'scontrol': '#!/bin/bash\nprintf "node7\\nnode8\\n"\n',
    }
    for name, text in commands.items():
        (tmp_path / 'bin' / name).write_text(text)
        (tmp_path / 'bin' / name).chmod(0o755)
    return tmp_path


def submit(cluster: Path, script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        'PATH': f'{cluster / "bin"}:{os.environ["PATH"]}', 'SLURM_SUBMIT_DIR': str(cluster),
        'SLURM_JOB_ID': '123456', 'SLURM_JOB_NODELIST': 'node[7-8]', 'SLURM_NNODES': '2', **variables,
    }
    return subprocess.run(
        ['bash', str(SCRIPTS / script), *arguments], env=environment, capture_output=True, text=True,
        check=False, timeout=50,
    )


def test_training_runs_one_process_a_gpu_on_all_nodes(cluster: Path) -> None:
    result = submit(
        cluster, 'train.sbatch', 'configs/a b.py', '--cfg-options', 'a=1',
        SLURM_GPUS_ON_NODE='4', SLURM_CPUS_PER_TASK='16',
    )
    assert result.returncode == 0, result.stderr
    asked, told = (cluster / 'calls').read_text().splitlines()
    assert asked.startswith('srun --ntasks-per-node 1 --cpus-per-task 16')
    assert told == (
        'python threads=4 -m torch.distributed.run --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d '
        '--rdzv-id 123456 --rdzv-endpoint node7:23456 tools/train.py configs/a b.py --cfg-options a=1 '
        '--launcher pytorch --resume'
    )


def test_training_without_gpus_runs_one_process_a_node(cluster: Path) -> None:
    submit(cluster, 'train.sbatch', 'config.py')
    calls = (cluster / 'calls').read_text()
    assert 'threads=1 -m torch.distributed.run --nnodes 2 --nproc-per-node 1' in calls


def test_a_sweep_runs_on_a_cluster_that_ends_with_it(cluster: Path) -> None:
    result = submit(
        cluster, 'sweep.sbatch', 'grid.yaml', '--gpus', '0.5', SLURM_GPUS_ON_NODE='2', SLURM_CPUS_PER_TASK='8'
    )
    assert result.returncode == 0, result.stderr
    calls = (cluster / 'calls').read_text()
    assert 'start --head --port 23456 --num-cpus 8 --num-gpus 2' in calls
    assert 'tools/sweep.py grid.yaml --gpus 0.5 --engine ray --address node7:23456\n' in calls


@pytest.mark.parametrize('script', ['train.sbatch', 'sweep.sbatch'])
def test_a_script_without_arguments_says_how_it_is_called(cluster: Path, script: str) -> None:
    result = submit(cluster, script)
    assert result.returncode == 2 and result.stderr.startswith('usage: sbatch')
