"""The options of a node's nova-compute that checks depend on, as the process itself reads them."""

from __future__ import annotations

import re

from stackmend.adapters.world import World
from stackmend.domain.health import NovaConf
from stackmend.domain.values import NodeName

_READ = r"""
wanted='transport_url|report_interval|instances_path|state_path|log_file|log_dir'
pid=$(pgrep -o -f -- '^([^ ]*python[^ ]* )?[^ ]*/nova-compute( |$)' || true)
files=""
if [ -n "$pid" ]; then
  files=$(tr '\0' '\n' <"/proc/$pid/cmdline" | awk '
    /^--config-(file|dir)=/ { sub(/^[^=]*=/, ""); print; next }
    take { print; take = 0 }
    /^--config-(file|dir)$/ { take = 1 }')
fi
[ -n "$files" ] || files="/etc/nova/nova.conf /etc/nova/nova.conf.d /etc/nova/nova-compute.conf"
for f in $files; do
  if [ -d "$f" ]; then ls "$f"/*.conf 2>/dev/null; elif [ -e "$f" ]; then echo "$f"; fi
done | while read -r f; do
  awk '
    /^[[:space:]]*\[/ { section = $0; gsub(/[][[:space:]]/, "", section); next }
    section == "DEFAULT"' "$f" | grep -E "^[[:space:]]*($wanted)[[:space:]]*="
done | sed -E 's#//[^@/,]*@#//#; s#,[^@/,]*@#,#g'
[ -z "$pid" ] || tr '\0' '\n' <"/proc/$pid/cmdline" | sed -nE 's/^--log-(file|dir)=/log_\1 = /p'
"""
# The credentials in transport_url are cut out on the node itself, so that they are never anywhere else.

_RABBIT_PORT = 5672


def read(world: World, node: NodeName) -> NovaConf:
    """Return the options, from the files that the running process names on its command line, or the usual ones.

    Options that stand nowhere have nova's defaults (nova.conf, 2025.1).

    Raises:
        Failed: the node could not be asked.
    """
    return parse(world.ssh.run(node, _READ).stdout)


def parse(text: str) -> NovaConf:
    """Return the options from lines of ``key = value``, of which the last one counts."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    options = {key.strip(): value.strip() for key, value in pairs}
    rabbits, vhost = _transport(options.get("transport_url", ""))
    state_path = options.get("state_path", "/var/lib/nova")
    instances = options.get("instances_path", "$state_path/instances").replace("$state_path", state_path)
    return NovaConf(
        rabbits=rabbits,
        vhost=vhost,
        report_interval=int(options.get("report_interval", "10")),
        instances_path=instances,
        log_file=_log_file(options),
    )


def _transport(url: str) -> tuple[tuple[str, ...], str]:
    """Return ``host:port`` of each server and the virtual host of ``rabbit://h1:5672,h2:5672/vhost?options``."""
    matched = re.fullmatch(r"\w+(?:\+\w+)?://([^/?]*)(?:/([^?]*))?(?:\?.*)?", url)
    if matched is None:
        return (), "/"
    hosts = (h.rpartition("@")[2] for h in matched[1].split(",") if h)
    return tuple(h if re.search(r":\d+$", h) else f"{h}:{_RABBIT_PORT}" for h in hosts), matched[2] or "/"


def _log_file(options: dict[str, str]) -> str:
    directory = options.get("log_dir", "")
    name = options.get("log_file") or ("nova-compute.log" if directory else "")
    return f"{directory}/{name}" if directory and not name.startswith("/") else name
