"""Options of ssh(1) in an Ansible inventory."""

from __future__ import annotations

import pytest

from stackmend.inventory.ssh_args import options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", {}),
        ("-o ProxyJump=me@gate:2200", {"proxyjump": "me@gate:2200"}),
        ("-J gate -oUserKnownHostsFile=/k", {"proxyjump": "gate", "userknownhostsfile": "/k"}),
        ("-o 'ProxyJump gate'", {"proxyjump": "gate"}),
        ("-C -q -i key", {"identityfile": "key"}),
    ],
)
def test_options(arguments: str, expected: dict[str, str]) -> None:
    assert options(arguments) == expected


@pytest.mark.parametrize(
    ("command", "jump"),
    [
        ("ssh -W %h:%p -q me@gate", "me@gate"),
        ("ssh -p 2200 -l me -o StrictHostKeyChecking=yes -W %h:%p gate", "me@gate:2200"),
        ("nc -X 5 %h %p", None),
    ],
)
def test_a_proxy_command_of_ssh_is_a_jump(command: str, jump: str | None) -> None:
    assert options(f'-o ProxyCommand="{command}"').get("proxyjump") == jump
