"""YAML files as plain data, strictly: a key that stands twice is an error, not the last one wins."""

from __future__ import annotations

from typing import Any

import yaml

_MERGE = 'tag:yaml.org,2002:merge'


class _Loader(yaml.SafeLoader):
    """Looks at keys as they are written; once mappings are made, `<<` has put those of others among them."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' stands twice", key.start_mark
                )
            seen.add((key.tag, key.value))
        return node


def load_yaml(text: str) -> Any:
    """Dicts, lists, texts, numbers, truth values and dates that a YAML text holds.

    Raises:
        ValueError: If it is no YAML, or a mapping has a key twice; says the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error)) from error
