"""One request to an API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stackmend.domain.values import JsonObject

Params: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True)
class Request:
    """What is asked of a service.

    Attributes:
        method: of HTTP.
        service: type of the service.
        path: after the API's version.
        version: microversion; empty for the service's first.
        params: of the query.
        json: what to send; None for none.
        timeout: seconds to wait for the answer.
    """

    method: str
    service: str
    path: str
    version: str = ""
    params: Params | None = None
    json: JsonObject | None = None
    timeout: float = 30.0

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
