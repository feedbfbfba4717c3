"""How a cloud is logged in to, whoever read it from ``clouds.yaml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keystoneauth1.session import Session


@dataclass(frozen=True)
class Login:
    """A session that can authenticate, and which endpoints of the catalog it is for.

    Attributes:
        name: of the cloud, for errors.
        session: keystoneauth's; it has asked nothing yet.
        by_token: whether it logs in by a token and not by a password.
        endpoint: gives the URL that the configuration sets for a service; None where the catalog decides.
        place: gives ``interface`` and ``region_name`` of a service, to choose in the catalog.
    """

    name: str
    session: Session
    by_token: bool
    endpoint: Callable[[str], str | None]
    place: Callable[[str], Mapping[str, Any]]
