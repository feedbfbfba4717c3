"""What can be broken of an instance in the databases, as a service leaves it that dies half-way.

SQL for the controller, in which ``{id}`` is the instance and ``{node}`` the node where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stackmend.lab import ssh
from stackmend.lab.settings import CONTROLLER, Settings

_OTHER = (
    """(SELECT MIN(host) FROM nova.services WHERE `binary` = 'nova-compute' AND deleted = 0 AND host <> '{node}')"""
)
_ROW = "UPDATE nova.instances SET {change} WHERE uuid = '{{id}}'"
_MOVE = _ROW.format(change=f"host = {_OTHER}, node = host")
_MOVE_BACK = _ROW.format(change="host = '{node}', node = '{node}'")
# tomorrow: nova-compute ends what has been deleted for a while, within a minute in the lab
_DELETE = _ROW.format(change="deleted = id, deleted_at = UTC_TIMESTAMP() + INTERVAL 1 DAY")
_UNDELETE = _ROW.format(change="deleted = 0, deleted_at = NULL")

_ALLOCATE = f"""\
INSERT INTO placement.allocations (created_at, resource_provider_id, consumer_id, resource_class_id, used)
SELECT UTC_TIMESTAMP(), other.id, own.consumer_id, own.resource_class_id, own.used
FROM placement.allocations own JOIN placement.resource_providers p ON p.id = own.resource_provider_id
JOIN placement.resource_providers other ON BINARY other.name = BINARY {_OTHER}
WHERE own.consumer_id = '{{id}}' AND p.name = '{{node}}'"""  # noqa: S608 - nobody's words are put in
_DEALLOCATE = """\
DELETE FROM placement.allocations WHERE consumer_id = '{id}'
AND resource_provider_id IN (SELECT id FROM placement.resource_providers WHERE name <> '{node}')"""

_IMAGE = """\
UPDATE glance.images SET {change}
WHERE id = (SELECT image_ref FROM nova.instances WHERE uuid = '{{id}}')"""
_IMAGE_GONE = _IMAGE.format(change="deleted = 1, deleted_at = UTC_TIMESTAMP(), status = 'deleted'")
_IMAGE_BACK = _IMAGE.format(change="deleted = 0, deleted_at = NULL, status = 'active'")

_STATUS = """\
UPDATE cinder.volumes v JOIN cinder.volume_attachment a ON a.volume_id = v.id AND a.deleted = 0
SET v.status = '{after}' WHERE v.deleted = 0 AND v.status = '{before}'
AND a.instance_uuid = '{{id}}' AND a.attach_status = 'attached'"""


@dataclass(frozen=True)
class RecordFault:
    """One untrue record of an instance.

    Attributes:
        name: as in ``stackmend lab break NAME INSTANCE``.
        sentence: what it does.
        inflict: SQL that makes it so.
        repair: SQL that gives the true record back; doing so twice does no harm.
    """

    name: str
    sentence: str
    inflict: str
    repair: str

    def execute(self, sql: str, settings: Settings, node: str, instance: str) -> None:
        """Execute a statement of this fault for an instance on a node."""
        ssh.run(settings, CONTROLLER, f"mariadb << 'SQL'\n{sql.format(id=instance, node=node)};\nSQL\n")


def _volumes() -> Iterator[RecordFault]:
    for status, nobody in (("detaching", "ends it"), ("attaching", "ends it"), ("reserved", "claims them")):
        yield RecordFault(
            f"volume-{status}",
            f"leave an instance's volumes {status}, with nobody who {nobody}",
            _STATUS.format(before="in-use", after=status),
            _STATUS.format(before=status, after="in-use"),
        )


RECORD_FAULTS = (
    *_volumes(),
    RecordFault("wrong-host", "have nova record an instance on another node than it runs on", _MOVE, _MOVE_BACK),
    RecordFault("deleted-row", "have nova take an instance for deleted that runs on", _DELETE, _UNDELETE),
    RecordFault(
        "image-gone",
        "have glance take an instance's image for deleted; after missing-base, nothing gives its disk what it rests on",
        _IMAGE_GONE,
        _IMAGE_BACK,
    ),
    RecordFault(
        "stale-allocation", "leave a second share for an instance in placement, on another node", _ALLOCATE, _DEALLOCATE
    ),
)
"""Every fault of records, in the order they are listed."""
