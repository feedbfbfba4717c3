"""Whether anything still answers at a node's address: what must be silent before the node is believed to be off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stackmend.adapters.world import World
from stackmend.domain.death import Stir
from stackmend.domain.values import NodeName
from stackmend.errors import Code, StackmendError
from stackmend.facts import death, stirring, volume_watchers

SSH_SECONDS = 5.0
"""How long the node may take to answer; pings from its peers are the second ear."""


@dataclass(frozen=True)
class Silence:
    """Who heard a node, and who did not; sentences.

    Attributes:
        alive: witnesses that heard it.
        silent: witnesses that asked and heard nothing.
        unasked: witnesses that could not ask.
    """

    alive: tuple[str, ...]
    silent: tuple[str, ...]
    unasked: tuple[str, ...] = ()


def listen(world: World, node: NodeName, *, storage: int = 0) -> Silence:
    """Ask a node by SSH on a new connection, and by ping from other nodes.

    Args:
        world: the cloud.
        node: that should be silent.
        storage: how many seconds shared storage is watched for writes of its instances; 0 for not.
    """
    alive: list[str] = []
    silent: list[str] = []
    unasked: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(_shell, world, node)
        stirring_there = pool.submit(_stirs, world, node, storage) if storage else None
        echoes = death.echoes(world, node, death.peers_of(world, node), death.Care())
        answered, says = asked.result()
        stirs = stirring_there.result() if stirring_there is not None else ()
    (alive if answered else silent).append(says)
    for echo in echoes:
        if echo.answered is None:
            unasked.append(f"{echo.peer} could not ping it: {echo.silent}")
        elif echo.answered:
            alive.append(f"{echo.peer} pings {echo.address}, and it answers")
        else:
            silent.append(f"{echo.peer} pings {echo.address}, and nothing answers")
    for stir in stirs:
        kind = unasked if stir.alive is None or stir.lately else alive if stir.alive else silent
        kind.append(f"{stir.witness}: {stir.silent or stir.says}")
    return Silence(tuple(alive), tuple(silent), tuple(unasked))


def _stirs(world: World, node: NodeName, seconds: int) -> tuple[Stir, ...]:
    """Return what shared storage and Ceph show of its instances; Ceph's watches are given the time to end."""
    peers = death.peers_of(world, node)
    return (
        *stirring.stirs(world, node, seconds),
        volume_watchers.look(world, node, peers, patience=volume_watchers.KEPT),
    )


def _shell(world: World, node: NodeName) -> tuple[bool, str]:
    """Return whether anything answers SSH; a refused login or a foreign host key is an answer, too."""
    world.ssh.reset(node)
    answer = world.ssh.run_many({node: "true"}, timeout=SSH_SECONDS, within=SSH_SECONDS)[node]
    if isinstance(answer, StackmendError):
        return answer.code is not Code.SSH_UNREACHABLE, f"SSH: {answer.sentence}"
    return True, "SSH: it answers"
