"""Shells on the nodes: the only code that uses asyncssh, which is imported at the first connection."""

from stackmend.adapters.ssh.client import Ssh
from stackmend.adapters.ssh.command import Completed

__all__ = ["Completed", "Ssh"]
