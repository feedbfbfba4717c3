"""What can be broken of an instance's volumes: Cinder's status of them, as a service that dies half-way leaves it."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.lab import ssh
from stackmend.lab.settings import CONTROLLER, Settings

_SET = """\
mariadb cinder -e "UPDATE volumes v JOIN volume_attachment a ON a.volume_id = v.id AND a.deleted = 0
  SET v.status = '{after}' WHERE v.deleted = 0 AND v.status = '{before}'
  AND a.instance_uuid = '{instance}' AND a.attach_status = 'attached'"
"""


@dataclass(frozen=True)
class VolumeFault:
    """One status in which the volumes of an instance stay.

    Attributes:
        name: as in ``stackmend lab break NAME INSTANCE``.
        sentence: what it does.
        status: Cinder's.
    """

    name: str
    sentence: str
    status: str

    def inflict(self, settings: Settings, instance: str) -> None:
        """Have the volumes that an instance uses stay in the status."""
        self._set(settings, instance, before="in-use", after=self.status)

    def repair(self, settings: Settings, instance: str) -> None:
        """Have those that are still in it in use again."""
        self._set(settings, instance, before=self.status, after="in-use")

    @staticmethod
    def _set(settings: Settings, instance: str, *, before: str, after: str) -> None:
        ssh.run(settings, CONTROLLER, _SET.format(before=before, after=after, instance=instance))


VOLUME_FAULTS = (
    VolumeFault("volume-detaching", "leave an instance's volumes detaching, with nobody who ends it", "detaching"),
    VolumeFault("volume-attaching", "leave an instance's volumes attaching, with nobody who ends it", "attaching"),
    VolumeFault("volume-reserved", "leave an instance's volumes reserved, with nobody who claims them", "reserved"),
)
"""Every fault of volumes, in the order they are listed."""
