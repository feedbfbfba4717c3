"""Redfish, by sushy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from stackmend.adapters.power.errors import refused, unreachable
from stackmend.domain.power import Power, PowerController
from stackmend.domain.values import NodeName, Secret

if TYPE_CHECKING:
    from sushy import Sushy
    from sushy.resources.system.system import System

CONNECT_SECONDS = 5.0
_SYSTEMS = "/redfish/v1/Systems/"


class Redfish:
    """A node's Redfish service.

    Each call logs in anew by HTTP Basic: a session would be left behind where stackmend is killed, and controllers have
    room for a handful of them.

    Args:
        node: whose power it is.
        controller: where the service is, and which of its systems the node is.
        password: of its user.
        seconds: how long one answer may take.
    """

    def __init__(self, node: NodeName, controller: PowerController, password: Secret, seconds: float) -> None:
        self._node = node
        self._controller = controller
        self._password = password
        self._seconds = seconds

    def state(self) -> Power:
        """Return what the service says."""
        with self._system() as system:
            return _power(system)

    def off(self) -> None:
        """Order the power off at once."""
        from sushy import ResetType  # noqa: PLC0415 - late, because it is slow

        self._order(ResetType.FORCE_OFF, Power.OFF)

    def on(self) -> None:
        """Order the power on."""
        from sushy import ResetType  # noqa: PLC0415

        self._order(ResetType.ON, Power.ON)

    def _order(self, kind: object, wanted: Power) -> None:
        """Give an order; some services refuse one to be what the system is already, and that is no failure."""
        from sushy.exceptions import AccessError, HTTPError  # noqa: PLC0415

        with self._system() as system:
            try:
                system.reset_system(kind)
            except AccessError:
                raise
            except HTTPError:
                system.refresh(force=True)
                if _power(system) is not wanted:
                    raise

    @contextlib.contextmanager
    def _system(self) -> Iterator[System]:
        """Give the node's system as the service describes it now; sushy's errors inside become ours."""
        import sushy  # noqa: PLC0415
        from requests.exceptions import JSONDecodeError, SSLError  # noqa: PLC0415
        from sushy import auth, exceptions  # noqa: PLC0415

        given = self._controller
        try:
            service = sushy.Sushy(
                given.address,
                auth=auth.BasicAuth(given.user, self._password.reveal()),
                verify=not given.insecure and (given.ca or True),
                server_side_retries=1,  # 0 would mean three
                server_side_retries_delay=1,
                read_timeout=self._seconds,
                connect_timeout=min(CONNECT_SECONDS, self._seconds),
            )
            yield service.get_system(self._identity(service))
        except exceptions.ConnectionError as error:
            if isinstance(error.__context__, SSLError):
                raise refused(self._node, given, "has a certificate that is not believed", str(error)) from error
            raise unreachable(self._node, given, str(error)) from error
        except exceptions.AccessError as error:
            raise refused(self._node, given, "did not accept the login", str(error)) from error
        except (exceptions.SushyError, JSONDecodeError) as error:
            raise refused(self._node, given, "did not do as it was asked", str(error)) from error

    def _identity(self, service: Sushy) -> str:
        """Return the path of the node's system; sushy's own choice would leave out those it cannot read."""
        given = self._controller.system
        if given:
            return given if given.startswith("/") else f"{_SYSTEMS}{given}"
        found = service.get_system_collection().members_identities
        if len(found) != 1:
            hint = "say by 'system' which of its systems the node is"
            raise refused(self._node, self._controller, "has not just one system", ", ".join(found), hint=hint)
        only: str = found[0]
        return only


def _power(system: System) -> Power:
    """Return on or off only for what Redfish calls just so; what is on its way is unknown."""
    from sushy import PowerState  # noqa: PLC0415

    return {PowerState.ON: Power.ON, PowerState.OFF: Power.OFF}.get(system.power_state, Power.UNKNOWN)
