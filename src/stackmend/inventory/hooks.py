"""Hooks for the usual configuration management agents.

A hook's ``disable`` must hold over a reboot; its ``enable`` must leave alone what was disabled before stackmend came.
"""

from __future__ import annotations

from collections.abc import Mapping

from stackmend.domain.node import Hook

_DIRECTORY = "/etc/stackmend/hooks"

_PUPPET = "PATH=$PATH:/opt/puppetlabs/bin; lock=$(puppet config print agent_disabled_lockfile --section agent) && "
_PUPPET_DISABLE = _PUPPET + "{ [ -e \"$lock\" ] || puppet agent --disable 'stackmend: node in maintenance'; }"
_PUPPET_ENABLE = _PUPPET + '{ ! grep -q stackmend "$lock" 2>/dev/null || puppet agent --enable; }'


def _units(name: str, *units: str) -> Hook:
    """Return a hook that stops and disables units, remembering on the node what each of them was."""
    disable = (
        f"mkdir -p {_DIRECTORY}; for unit in {' '.join(units)}; do "
        f"[ -e {_DIRECTORY}/$unit ] && continue; "
        "enabled=$(systemctl is-enabled $unit 2>/dev/null); active=$(systemctl is-active $unit 2>/dev/null); "
        '[ "$enabled" = enabled ] || [ "$active" = active ] || continue; '
        f'echo "$enabled $active" >{_DIRECTORY}/$unit && systemctl disable --now $unit || exit 1; done'
    )
    enable = (
        f"for unit in {' '.join(units)}; do [ -e {_DIRECTORY}/$unit ] || continue; "
        f"read -r enabled active <{_DIRECTORY}/$unit; "
        '[ "$enabled" != enabled ] || systemctl enable $unit || exit 1; '
        '[ "$active" != active ] || systemctl start $unit || exit 1; '
        f"rm {_DIRECTORY}/$unit; done"
    )
    return Hook(name, disable, enable)


BUILT_IN: Mapping[str, Hook] = {
    hook.name: hook
    for hook in (
        Hook("puppet", _PUPPET_DISABLE, _PUPPET_ENABLE),
        _units("chef", "chef-client.timer", "chef-client.service"),
        _units("salt", "salt-minion.service"),
        _units("ansible-pull", "ansible-pull.timer", "ansible-pull.service"),
    )
}
