"""Read an inventory, whatever its format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from stackmend.domain.node import Inventory
from stackmend.errors import Code, Refused, UsageError
from stackmend.inventory import own
from stackmend.inventory.problem import Place, malformed


def load(path: Path, cloud: str) -> Inventory:
    """Return the inventory of a cloud.

    A YAML file with ``nodes`` is stackmend's own; all else is given to Ansible: INI and YAML, directories, programs.

    Args:
        path: of the inventory.
        cloud: name in ``clouds.yaml``; empty for the one that the inventory names.

    Raises:
        Refused: INVENTORY_MISSING; INVENTORY_MALFORMED, with file, line and field.
        UsageError: the inventory is another cloud's.
    """
    if not path.exists():
        raise Refused(
            Code.INVENTORY_MISSING,
            f"there is no inventory {path}",
            hint="write one from the cloud itself by 'stackmend init', or name one by --inventory",
        )
    inventory = _own(path) or _ansible(path)
    if cloud and inventory.cloud and cloud != inventory.cloud:
        raise UsageError(
            Code.USAGE,
            f"inventory {path} is of cloud {inventory.cloud}, not of {cloud}",
            hint=f"choose that cloud by --cloud {inventory.cloud}, or another inventory by --inventory",
        )
    return replace(inventory, cloud=inventory.cloud or cloud)


def _own(path: Path) -> Inventory | None:
    """Return stackmend's own inventory; None where the file is something else."""
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        return None
    text = _text(path)
    try:
        data = _parsed(path, text)
    except yaml.constructor.ConstructorError:  # a tag such as Ansible's !vault
        return None
    if not isinstance(data, dict) or not {"nodes", "cloud"} & data.keys():
        return None
    return own.read(data, Place(path, text))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise malformed(f"{path} cannot be read: {error}") from error


def _parsed(path: Path, text: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.constructor.ConstructorError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise malformed(f"{path} line {line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise malformed(f"{path} is not valid YAML: {error}") from error


def _ansible(path: Path) -> Inventory:
    from stackmend.inventory import ansible  # noqa: PLC0415 - only where it is one

    return ansible.read(path)
