"""Python, packages, accelerator, plugins."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib import metadata

import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ..plugin_manager import load_plugins
from ..provenance import CORE, LOAD_FAILURES
from .finding import Report


def examine_environment() -> Report:
    """Versions against what the distribution asks for, the GPU, and plugins that do not load."""
    report = Report()
    check_python(report, platform.python_version())
    check_requirements(report, CORE)
    _check_accelerator(report)
    manager = load_plugins()
    for failure in LOAD_FAILURES:
        report.wrong(str(failure), 'repair or uninstall it; configs that do not use it are unaffected')
    names = sorted(name for name, _ in manager.list_name_plugin() if name != CORE)
    report.fine(f'plugins loaded: {", ".join(names) or "none"}')
    return report


def check_python(report: Report, version: str) -> None:
    """The interpreter against what skelreg declares."""
    accepted = metadata.metadata(CORE)['Requires-Python'] or ''
    if version in SpecifierSet(accepted):
        report.fine(f'Python {version} ({sys.executable})')
    else:
        report.wrong(f'Python {version}, and skelreg is for {accepted}', 'make an environment with one')


def check_requirements(report: Report, distribution: str) -> None:
    """Every package that a distribution asks for, extras aside."""
    for line in metadata.requires(distribution) or []:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({'extra': ''}):
            continue
        command = f'pip install "{wanted.name}{wanted.specifier}"'
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            report.wrong(f'{distribution} needs {wanted.name}, which is not installed', command)
            continue
        if wanted.specifier.contains(found, prereleases=True):
            report.fine(f'{wanted.name} {found}')
        else:
            report.wrong(f'{wanted.name} {found}, and {distribution} needs {wanted.specifier}', command)


def _check_accelerator(report: Report) -> None:
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            report.fine(f'GPU {index}: {facts.name}, {facts.total_memory / 2**30:.0f} GiB')
    elif shutil.which('nvidia-smi'):
        build = torch.version.cuda
        report.wrong(
            f'there is an NVIDIA driver, and torch {torch.__version__} finds no GPU',
            'install a build of torch with CUDA' if build is None
            else f'compare the driver (nvidia-smi) with the CUDA {build} of torch, and CUDA_VISIBLE_DEVICES',
        )
    else:
        report.note(f'no GPU; {torch.get_num_threads()} CPU threads')
