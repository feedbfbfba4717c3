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

# the databases of nova and Cinder need not share a collation, so ids are compared as bytes
_OWN = "BINARY a.id = BINARY b.attachment_id AND b.instance_uuid = '{id}'"
_VOLUME = "UPDATE cinder.volume_attachment a JOIN cinder.volumes v ON v.id = a.volume_id"
_FORGET = f"""\
{_VOLUME} SET a.deleted = 1, a.attach_status = 'detached', v.status = 'available', v.attach_status = 'detached'
WHERE a.instance_uuid = '{{id}}' AND a.deleted = 0 AND a.attach_status = 'attached'"""
_REMEMBER = f"""\
{_VOLUME} JOIN nova.block_device_mapping b ON {_OWN} AND b.deleted = 0
SET a.deleted = 0, a.attach_status = 'attached', v.status = 'in-use', v.attach_status = 'attached'
WHERE a.deleted = 1"""
_UNMAP = """\
UPDATE nova.block_device_mapping SET deleted = id
WHERE instance_uuid = '{id}' AND volume_id IS NOT NULL AND deleted = 0"""
_MAP = f"""\
UPDATE nova.block_device_mapping b JOIN cinder.volume_attachment a ON {_OWN} AND a.deleted = 0
SET b.deleted = 0 WHERE b.deleted = b.id"""  # noqa: S608 - nobody's words are put in
_HALF = f"""\
{_VOLUME} SET a.attach_status = '{{after}}', v.status = '{{status}}', v.attach_status = '{{after}}'
WHERE a.instance_uuid = '{{{{id}}}}' AND a.deleted = 0 AND a.attach_status = '{{before}}'"""


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
    RecordFault(
        "volume-half-attached",
        "leave the attachments of an instance's volumes begun in Cinder, with nobody who completes them",
        _HALF.format(before="attached", after="attaching", status="attaching"),
        _HALF.format(before="attaching", after="attached", status="in-use"),
    ),
    RecordFault(
        "volume-unknown-to-cinder", "have Cinder forget the attachments of an instance's volumes", _FORGET, _REMEMBER
    ),
    RecordFault("volume-unknown-to-nova", "have nova forget the volumes of an instance", _UNMAP, _MAP),
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
