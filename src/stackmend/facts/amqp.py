"""A compute node's connection to RabbitMQ: the socket, the consumer, and its own log's words on it."""

from __future__ import annotations

import shlex

from stackmend.adapters.world import World
from stackmend.domain.health import AmqpLog, Consumers, NovaConf, UnitState
from stackmend.domain.node import Node, Role
from stackmend.domain.values import NodeName
from stackmend.errors import StackmendError


def peers(world: World, node: NodeName, unit: UnitState) -> tuple[str, ...]:
    """Return ``address:port`` of each established TCP connection of a unit's processes, once for each connection.

    Raises:
        Failed: the node could not be asked.
    """
    wanted = {f"pid={pid}," for pid in (*unit.pids, unit.main_pid)}
    lines = world.ssh.run(node, "ss -tnpH state established").stdout.splitlines()
    mine = (line.split() for line in lines if any(w in line for w in wanted))
    # columns: Recv-Q Send-Q Local Peer Process
    return tuple(columns[3] for columns in mine if len(columns) >= 4)  # noqa: PLR2004


def consumers(world: World, node: NodeName, vhost: str) -> Consumers:
    """Return who consumes the queue that nova's calls to a node go to, by the first broker that can be asked.

    The brokers are the inventory's messaging nodes, or its controllers where it has none.
    """
    queue = f"compute.{node}"
    brokers = world.inventory.with_role(Role.MESSAGING) or world.inventory.with_role(Role.CONTROLLER)
    silent = "the inventory has no messaging node and no controller"
    for broker in brokers:
        try:
            return Consumers(queue, _count(world, broker, vhost, queue), witness=broker.name)
        except StackmendError as error:
            silent = error.sentence
    return Consumers(queue, None, silent=silent)


def _count(world: World, broker: Node, vhost: str, queue: str) -> int | None:
    listing = f"timeout 20 rabbitmqctl -q --no-table-headers list_queues -p {shlex.quote(vhost)} name consumers"
    for line in world.ssh.run(broker.name, listing, timeout=25).stdout.splitlines():
        name, _, count = line.partition("\t")
        if name == queue:
            return int(count)
    return None


def log(world: World, node: NodeName, unit: UnitState, conf: NovaConf) -> AmqpLog:
    """Return the last line on AMQP since the unit became active, from the log file or else the journal.

    Raises:
        Failed: the node could not be asked.
    """
    since = unit.since.strftime("%Y-%m-%d %H:%M:%S UTC") if unit.since else ""
    journal = f"journalctl -q -o cat -u {shlex.quote(unit.name)}" + (f" --since {shlex.quote(since)}" if since else "")
    # Lines of the file carry the process's id in their third column, which ends those of earlier starts.
    pids = "|".join(str(p) for p in (unit.main_pid, *unit.pids) if p) or "none"
    file = f"awk '$3 ~ /^({pids})$/' {shlex.quote(conf.log_file)}"
    script = f"""
if [ -n {shlex.quote(conf.log_file)} ] && [ -r {shlex.quote(conf.log_file)} ]; then source=file; else source=journal; fi
echo "$source"
{{ if [ $source = file ]; then {file}; else {journal}; fi; }} \
  | grep -E 'AMQP' | tail -n 1 | sed -E 's#//[^@/]*@#//****@#g'
true"""
    answer = world.ssh.run(node, script, check=False)
    lines = answer.stdout.splitlines()
    return AmqpLog(line=lines[1] if len(lines) > 1 else "", readable=answer.status == 0 and bool(lines))
