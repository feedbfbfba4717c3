"""Whether a node's CPU can run a domain that runs elsewhere, by libvirt's own comparison."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from stackmend.adapters.world import World
from stackmend.domain.values import InstanceId, NodeName

MARK = "=== "


def refusals(world: World, node: NodeName, cpus: Mapping[InstanceId, str]) -> dict[InstanceId, str]:
    """Return the instances whose ``<cpu>`` a node cannot provide, with libvirt's word.

    Args:
        world: the cloud.
        node: where they would go.
        cpus: each instance's ``<cpu>`` element; an empty one runs anywhere and is not asked about.

    Raises:
        Failed: the node could not be asked.
    """
    asked = {instance: xml for instance, xml in cpus.items() if xml}
    if not asked:
        return {}
    script = "".join(
        f"echo {MARK}{instance}\nprintf %s {shlex.quote(xml)} | virsh -r cpu-compare --error /dev/stdin 2>&1 || true\n"
        for instance, xml in asked.items()
    )
    answers = _by_instance(world.ssh.run(node, script).stdout)
    return {instance: answer for instance, answer in answers.items() if "incompatible" in answer or "error:" in answer}


def _by_instance(output: str) -> dict[InstanceId, str]:
    answers = {}
    for part in output.split(MARK)[1:]:
        instance, _, answer = part.partition("\n")
        answers[InstanceId(instance.strip())] = " ".join(answer.split())
    return answers
