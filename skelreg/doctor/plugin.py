"""A plugin: does it load, are its needs met, do its components keep their contracts?"""

from __future__ import annotations

from importlib import metadata

from ..errors import PluginError, closest
from ..plugin_manager import GROUP, load_plugins
from ..provenance import LOAD_FAILURES
from ..registry import ALL
from ..testing.contract import ContractError
from ..testing.registered import CHECKS, Registered, registered, unused_examples
from .environment import check_requirements
from .finding import Report


def examine_plugin(name: str) -> Report:
    """Look at one plugin.

    Args:
        name: Of its entry point ('ctrgcn') or its distribution ('skelreg-ctrgcn').
    """
    report = Report()
    with report.guarded():
        entry_point = _find(name)
        assert entry_point.dist is not None
        distribution = entry_point.dist.name
        report.fine(f"plugin '{entry_point.name}' of {distribution} {entry_point.dist.version}")
        check_requirements(report, distribution)
        manager = load_plugins()
        failures = [failure for failure in LOAD_FAILURES if failure.distribution == distribution]
        for failure in failures:
            report.wrong(failure.in_full(), 'mend it; tools/list_components.py --json has the traceback')
        if failures:
            return report
        hooks = manager.get_hookcallers(manager.get_plugin(entry_point.name)) or []
        report.fine(f'implements {", ".join(sorted(hook.name for hook in hooks))}')
        _check_components(report, distribution)
    return report


def _find(name: str) -> metadata.EntryPoint:
    entry_points = metadata.entry_points(group=GROUP)
    found = [e for e in entry_points if e.dist is not None and name in (e.name, e.dist.name)]
    if not found:
        raise PluginError(
            f"no plugin '{name}' is installed here",
            accepted=closest(name, [e.name for e in entry_points]),
            fix='install it in this environment (pip install FOLDER), or mend its setup.py: '
            "entry_points={'skelreg': ['name = package']}",
        )
    return found[0]


def _check_components(report: Report, distribution: str) -> None:
    components = registered(distribution)
    for unused in unused_examples(distribution):
        report.wrong(f"its skelreg_examples names '{unused}', which it does not register", 'mend the name')
    for component in components:
        _check(report, component)
    others = [
        f'{kind} {name}'
        for kind, registry in ALL.items()
        if kind not in CHECKS
        for name in registry.names()
        if registry.origin(name).distribution == distribution
    ]
    if others:
        report.fine(f'without a contract to check: {", ".join(others)}')
    if not components and not others:
        report.note('it registers no component', 'name its modules in skelreg_component_modules')


def _check(report: Report, component: Registered) -> None:
    title = f'{component.kind} {component.name}'
    try:
        component.check()
    except ContractError as error:
        report.wrong(f'{title} breaks the clause "{error.clause}": {error.detail}', 'mend the component')
    except PluginError as error:
        report.wrong(error.what, error.fix or '')
    else:
        report.fine(f'{title} keeps its contract')
