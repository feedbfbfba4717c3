"""The options of a node's nova-compute that checks depend on, as the process itself reads them."""

from __future__ import annotations

import re
from urllib.parse import unquote

from stackmend.adapters import oslo_config
from stackmend.adapters.world import World
from stackmend.domain.health import NovaConf
from stackmend.domain.values import NodeName

RABBIT_PORT = 5672
"""AMQP's own port, where ``transport_url`` names none."""

_COMMAND_LINE = r"""
pid=$(pgrep -o -f -- '^([^ ]*python[^ ]* )?[^ ]*/nova-compute( |$)' || true)
[ -z "$pid" ] || tr '\0' '\n' <"/proc/$pid/cmdline" | grep -- '^--log-' || true
"""


def read(world: World, node: NodeName) -> NovaConf:
    """Return the options; those that stand nowhere have nova's defaults (nova.conf, 2025.1).

    Raises:
        Failed: the node could not be asked.
    """
    script = _COMMAND_LINE + oslo_config.reading_script("nova-compute")
    shown = world.ssh.run(node, script).stdout
    options = oslo_config.parse(shown)
    rabbits, vhost = transport(options.get("DEFAULT", "transport_url"))
    state_path = options.get("DEFAULT", "state_path", "/var/lib/nova")
    return NovaConf(
        rabbits=rabbits,
        vhost=vhost,
        report_interval=int(options.get("DEFAULT", "report_interval", "10")),
        instances_path=options.get("DEFAULT", "instances_path", f"{state_path}/instances").replace(
            "$state_path", state_path
        ),
        log_file=_log_file(shown, options),
    )


def _log_file(shown: str, options: oslo_config.Options) -> str:
    """Return the path of the log; what the command line says goes before what the files say."""
    said = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("--log-") and "=" in line)
    directory = said.get("--log-dir") or options.get("DEFAULT", "log_dir")
    name = said.get("--log-file") or options.get("DEFAULT", "log_file") or ("nova-compute.log" if directory else "")
    return f"{directory}/{name}" if directory and not name.startswith("/") else name


def transport(url: str) -> tuple[tuple[str, ...], str]:
    """Return ``host:port`` of each broker and the virtual host; user and password are left behind.

    Args:
        url: such as ``rabbit://user:password@ctl01:5672,user:password@ctl02:5672/vhost?ssl=1``.
    """
    servers, at, rest = url.partition("://")[2].rpartition("@")
    last, _, path = rest.partition("/")
    hosts = [server.rpartition("@")[2] for server in f"{servers}{at}{last}".split(",")]
    vhost = unquote(path.partition("?")[0]) or "/"
    return tuple(h if re.search(r":\d+$", h) else f"{h}:{RABBIT_PORT}" for h in hosts if h), vhost
