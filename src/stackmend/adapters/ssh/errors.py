"""What asyncssh's and the system's exceptions mean to an operator."""

from __future__ import annotations

import os
from pathlib import Path

from stackmend.domain.node import SshAccess
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed

CONNECT_SECONDS = 10
"""How long opening a connection, or a session on it, may take."""


def known_hosts_files(access: SshAccess) -> list[str]:
    """Return the files that a host's key is checked against: the access's own, or the user's and the system's."""
    usual = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
    paths = [Path(path).expanduser() for path in ([access.known_hosts] if access.known_hosts else usual)]
    return [str(path) for path in paths if path.is_file()]


def no_known_hosts(node: NodeName, access: SshAccess) -> Failed:
    """Return the error that there is no file to check a host's key against."""
    where = access.known_hosts or "~/.ssh/known_hosts"
    return Failed(
        Code.SSH_HOST_KEY,
        f"the host key of {node} cannot be checked: {where} does not exist",
        hint=_scan_hint(access, where),
        evidence={"host": node, "address": access.address, "known_hosts": where},
    )


def no_answer(node: NodeName, access: SshAccess, seconds: float) -> Failed:
    """Return the error that a node did not answer as soon as it was wanted."""
    return Failed(
        Code.SSH_UNREACHABLE,
        f"{node} gave no answer over SSH at {access.address} port {access.port} within {seconds:g} seconds",
        hint="check that the machine is up and that its address in the inventory is right",
        evidence={"host": node, "address": f"{access.user}@{access.address}:{access.port}"},
    )


def meaning(error: Exception, node: NodeName, access: SshAccess) -> Failed:
    """Return the error that a failed connection stands for.

    Args:
        error: ``asyncssh.Error``, ``OSError`` or ``ValueError`` (a key that cannot be read).
        node: whose connection it was.
        access: how it was tried.
    """
    import asyncssh  # noqa: PLC0415 - late, because it is slow

    evidence = {"host": node, "address": f"{access.user}@{access.address}:{access.port}", "error": _said(error)}
    if access.jump:
        evidence["jump"] = access.jump
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return _host_key(node, access, evidence)
    if isinstance(error, asyncssh.PermissionDenied | asyncssh.KeyImportError) or _is_about_key(error, access):
        return _auth(node, access, evidence)
    return Failed(
        Code.SSH_UNREACHABLE,
        f"{node} cannot be reached over SSH at {access.address} port {access.port}: {_said(error)}",
        hint="check that the machine is up and that its address in the inventory is right",
        evidence=evidence,
    )


def _host_key(node: NodeName, access: SshAccess, evidence: dict[str, str]) -> Failed:
    files = known_hosts_files(access)
    if _has_other_key(files, access):
        return Failed(
            Code.SSH_HOST_KEY,
            f"the host key of {node} is not the one in {files[0]}: it was reinstalled, or something else answers",
            hint=f"find out why; then remove the old key: ssh-keygen -f {files[0]} -R '{_pattern(access)}'",
            evidence=evidence,
        )
    return Failed(
        Code.SSH_HOST_KEY,
        f"the host key of {node} is not known: {files[0]} has none for {_pattern(access)}",
        hint=_scan_hint(access, files[0]),
        evidence=evidence,
    )


def _has_other_key(files: list[str], access: SshAccess) -> bool:
    import asyncssh  # noqa: PLC0415

    keys, *_ = asyncssh.match_known_hosts(files, access.address, "", access.port)
    return bool(keys)


def _auth(node: NodeName, access: SshAccess, evidence: dict[str, str]) -> Failed:
    key = access.key or "the agent or the user's default keys"
    return Failed(
        Code.SSH_AUTH,
        f"{node} does not let {access.user} log in with {key}",
        hint="check user and key in the inventory, and authorized_keys on the node",
        evidence=evidence,
    )


def _is_about_key(error: Exception, access: SshAccess) -> bool:
    return bool(access.key) and isinstance(error, OSError) and str(error.filename) == access.key


def _scan_hint(access: SshAccess, where: str) -> str:
    port = "" if access.port == 22 else f"-p {access.port} "  # noqa: PLR2004 - the port of SSH
    return f"after checking its fingerprint: ssh-keyscan {port}{access.address} >> {where}"


def _pattern(access: SshAccess) -> str:
    return access.address if access.port == 22 else f"[{access.address}]:{access.port}"  # noqa: PLR2004


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not error.args:
        return f"no answer within {CONNECT_SECONDS} seconds"
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error).splitlines()[0] if str(error) else type(error).__name__
