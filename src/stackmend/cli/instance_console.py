"""Show what a guest writes to its console: nova's answer, or the node's own file where nova gives none."""

from __future__ import annotations

from stackmend.adapters.world import World
from stackmend.domain.instance import Instance
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Refused, StackmendError
from stackmend.facts import console
from stackmend.render.instances import show_console, show_console_head
from stackmend.rules.console import plain

FOLLOW_SECONDS = 1.0


def show(world: World, name: str, lines: int, *, follow: bool) -> None:
    """Show the last lines of a console; with ``follow`` what comes after, too, until the process is ended."""
    instance = console.find(world, name)
    if follow:
        _follow(world, instance, lines)
        return
    try:
        text, source = console.by_nova(world, instance.id, lines), "by nova's API"
    except StackmendError as error:
        text = console.last_lines(world, _on_node(instance), console.path(world, instance.host, instance.id), lines)
        source = f"from the file on its node (nova gave none: {error.sentence})"
    show_console_head(instance.name, instance.host, source)
    show_console([plain(line) for line in text.splitlines()])


def _follow(world: World, instance: Instance, lines: int) -> None:
    node = _on_node(instance)
    file = console.path(world, node, instance.id)
    end = console.size(world, node, file)
    show_console_head(instance.name, node, f"from {file} there")
    show_console([plain(line) for line in console.last_lines(world, node, file, lines).splitlines()])
    rest = ""
    while True:
        world.clock.pause(FOLLOW_SECONDS)
        now = console.size(world, node, file)
        if now < end:  # begun anew, as by each start of the instance
            end, rest = 0, ""
        *whole, rest = (rest + console.since(world, node, file, end, now)).split("\n")
        show_console([plain(line) for line in whole])
        end = now


def _on_node(instance: Instance) -> NodeName:
    if not instance.host:
        raise Refused(Code.INSTANCE_STATE, f"{instance.name} is {instance.vm_state} and on no node: it has no console")
    return instance.host
