"""What keystoneauth's exceptions and the services' answers mean to an operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions as ksa

from stackmend.adapters.openstack.request import Request
from stackmend.errors import Code, Failed

_UNREACHABLE = frozenset({502, 503, 504})
_SERVERS_FAULT = 500
"""Statuses from here on are keystone's own trouble, such as a database that is away, and say nothing of the login."""
_REJECTED = frozenset({401, 403})
_CODES = {401: Code.TOKEN_EXPIRED, 404: Code.API_NOT_FOUND, 409: Code.API_CONFLICT}
_CODES |= dict.fromkeys(_UNREACHABLE, Code.API_UNREACHABLE)


def of_response(response: requests.Response, request: Request) -> Failed:
    """Return the error that an answer with a status of 400 or more stands for."""
    said = message(response)
    status = f"{response.status_code} {response.reason or ''}".strip()
    return Failed(
        _CODES.get(response.status_code, Code.API_ERROR),
        f"{request.service} answered {status} to {request}" + (f": {said}" if said else ""),
        hint="the token is no longer accepted; log in anew" if response.status_code == 401 else "",  # noqa: PLR2004
        evidence={
            "service": request.service,
            "request": str(request),
            "status": str(response.status_code),
            "request id": response.headers.get("x-openstack-request-id", ""),
            "message": said,
        },
    )


def of_authentication(error: Exception, cloud: str, *, by_token: bool) -> Failed:
    """Return what a failure to get a token means.

    Args:
        error: keystoneauth's.
        cloud: name in ``clouds.yaml``.
        by_token: whether a token was to be got by another token and not by a password.
    """
    status = error.http_status if isinstance(error, ksa.HttpError) else None
    if status is None or status >= _SERVERS_FAULT:
        return unreachable(error, Request("POST", "identity", "/auth/tokens"))
    if by_token:
        sentence, code = f"the token for cloud {cloud} is no longer accepted", Code.TOKEN_EXPIRED
    elif status in _REJECTED:
        sentence, code = f"keystone does not accept the user and password of cloud {cloud}", Code.AUTH_FAILED
    else:
        sentence, code = f"keystone answered {status} to the login of cloud {cloud}", Code.API_ERROR
    evidence = {"service": "identity", "status": str(status), "request id": str(getattr(error, "request_id", "") or "")}
    return Failed(code, sentence, hint=f"check the auth section of {cloud} in clouds.yaml", evidence=evidence)


def unreachable(error: Exception, request: Request) -> Failed:
    """Return the error that a service gave no answer."""
    return Failed(
        Code.API_UNREACHABLE,
        f"{request.service} gave no answer to {request}: {_reason(error)}",
        hint="check that the API and the load balancer before it are up",
        evidence={"service": request.service, "request": str(request), "error": _reason(error)},
    )


def no_endpoint(service: str) -> Failed:
    """Return the error that the catalog has no such service."""
    return Failed(
        Code.API_ERROR,
        f"keystone's catalog has no endpoint for {service}",
        hint="check region_name and interface in clouds.yaml",
        evidence={"service": service},
    )


def message(response: requests.Response) -> str:
    """Return what the service says in the body of an error, shortened; empty where it says nothing."""
    if "json" not in response.headers.get("content-type", ""):
        return ""
    try:
        return _first_message(response.json())[:500]
    except ValueError:
        return ""


def _first_message(body: Any) -> str:  # noqa: ANN401 - JSON of any shape
    """Find the message in nova's, neutron's, keystone's and placement's ways of saying it."""
    if isinstance(body, Mapping):
        for key in ("message", "detail"):
            if isinstance(body.get(key), str):
                return str(body[key]).strip()
        body = list(body.values())
    if isinstance(body, list):
        return next((found for item in body if (found := _first_message(item))), "")
    return ""


def _reason(error: Exception) -> str:
    """Return the kind of failure; keystoneauth's own sentences name the whole URL and a chain of classes."""
    if isinstance(error, ksa.HttpError):
        return f"it answered {error.http_status}"
    kinds: list[tuple[type[Exception], str]] = [
        (ksa.ConnectTimeout, "no answer in time"),
        (ksa.SSLError, "TLS failed"),
        (ksa.ConnectFailure, "the connection was refused or broke"),
        (ksa.DiscoveryFailure, "no API was found at the address"),
    ]
    return next((text for kind, text in kinds if isinstance(error, kind)), type(error).__name__)
