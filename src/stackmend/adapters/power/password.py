"""The password of a power controller, read when it is needed."""

from __future__ import annotations

import os
from pathlib import Path

from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName, Secret
from stackmend.errors import Code, Refused


def password(node: NodeName, controller: PowerController) -> Secret:
    """Return a controller's password: from its file, else its variable, else as the inventory has it.

    Raises:
        Refused: POWER_PASSWORD.
    """
    if controller.password_file:
        return _from_file(node, controller.password_file)
    if controller.password_env:
        return _from_environment(node, controller.password_env)
    return controller.password


def _from_file(node: NodeName, path: str) -> Secret:
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(node, f"{path}: {getattr(error, 'strerror', None) or 'not a text'}") from error
    if not lines or not lines[0]:
        raise _unreadable(node, f"{path} has no first line")
    return Secret(lines[0])


def _from_environment(node: NodeName, name: str) -> Secret:
    value = os.environ.get(name, "")
    if not value:
        raise _unreadable(node, f"the environment variable {name} is not set")
    return Secret(value)


def _unreadable(node: NodeName, why: str) -> Refused:
    sentence = f"the password of {node}'s power controller cannot be read: {why}"
    return Refused(Code.POWER_PASSWORD, sentence, hint="the inventory says where it is kept")
