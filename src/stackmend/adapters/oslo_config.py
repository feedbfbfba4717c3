"""Options of a service as oslo.config reads them: which files in which order, and what they say.

The files are those that the running process names on its command line, seen through its own root directory, so that a
service in a container is read too. Where no process runs, they are the default ones. The order is oslo.config's
(``ConfigOpts._parse_config_files``): default files and default directories first, unless the command line names others,
then what the command line names, from left to right; the last value counts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_MARK = "#### stackmend file "

_READ = r"""
binary={binary}
pid=$(pgrep -o -f -- "(^|/)$binary( |\$)" || true)
named=""
if [ -n "$pid" ]; then
  named=$(tr '\0' '\n' <"/proc/$pid/cmdline" | awk '
    take {{ print take "=" $0; take = ""; next }}
    /^--config-(file|dir)=/ {{ sub(/^--config-/, ""); print }}
    /^--config-(file|dir)$/ {{ take = substr($0, 10) }}')
  root=/proc/$pid/root
elif [ -d "/etc/kolla/$binary" ]; then root=/etc/kolla/$binary; else root=""; fi
show() {{ [ -f "$root$1" ] && echo "{mark}$1" && cat "$root$1" && echo; }}
conf_d() {{ for f in "$root$1"/*.conf; do show "${{f#$root}}"; done; }}
case "$named" in *file=*) ;; *)
  show /usr/share/{project}/{project}-dist.conf
  show /etc/{project}/{project}.conf || show /{project}.conf
  show "/etc/{project}/$binary.conf" ;;
esac
case "$named" in *dir=*) ;; *) conf_d /etc/{project}/{project}.conf.d; conf_d "/etc/{project}/$binary.conf.d" ;; esac
echo "$named" | while IFS='=' read -r kind path; do
  case "$kind" in file) show "$path" ;; dir) conf_d "$path" ;; esac
done
true
"""


def reading_script(binary: str) -> str:
    """Return a script that shows the configuration files of a service, such as nova-compute, on its node, in order."""
    return _READ.format(binary=shlex.quote(binary), project=shlex.quote(binary.partition("-")[0]), mark=_MARK)


@dataclass(frozen=True)
class Options:
    """Values by section and name; the last one given counts.

    They hold passwords: nothing of them goes into a log or an error but what is known to be none.
    """

    values: Mapping[tuple[str, str], str]
    files: tuple[str, ...] = ()

    def get(self, section: str, name: str, default: str = "") -> str:
        """Return a value, with other options put in for ``$name`` and ``${section.name}``."""
        return self._filled(section, self.values.get((section, name), default), depth=5)

    def _filled(self, section: str, value: str, *, depth: int) -> str:
        def put(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            other, _, name = (match[1] or match[2]).rpartition(".")
            places = (other,) if other else (section, "DEFAULT")
            found = next((self.values[p, name] for p in places if (p, name) in self.values), None)
            return match[0] if found is None else self._filled(section, found, depth=depth - 1)

        return re.sub(r"\$\$|\$\{([\w.]+)\}|\$([A-Za-z_]\w*)", put, value) if depth else value

    def __repr__(self) -> str:
        return f"Options(files={self.files})"


def parse(text: str) -> Options:
    """Return the options in what ``reading_script`` shows."""
    values: dict[tuple[str, str], str] = {}
    files = []
    for part in text.split(_MARK)[1:]:
        name, _, content = part.partition("\n")
        files.append(name)
        values.update(_assignments(content))
    return Options(values, tuple(files))


def _assignments(content: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what one file assigns; an indented line continues the value before it."""
    section, key, value = "", "", ""
    for line in [*content.splitlines(), ""]:
        if key and line[:1] in {" ", "\t"} and line.strip():
            value += "\n" + line.strip()
            continue
        if key:
            yield (section, key), value
            key = ""
        if line.startswith("["):
            section = line.strip().strip("[]")
        elif "=" in line and not line.startswith(("#", ";", " ", "\t")):
            key, value = _split(line)


def _split(line: str) -> tuple[str, str]:
    key, _, value = line.partition("=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key.strip(), value
