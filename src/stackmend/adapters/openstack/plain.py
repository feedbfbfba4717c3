"""A plain entry of ``clouds.yaml``, read without openstacksdk, whose import takes longer than most questions do.

Plain is what says where keystone's v3 API is, who logs in by which password, and no more than region, interface and CA.
Everything else (profiles, ``secure.yaml``, other ways to log in, overridden endpoints, mistakes) is left to the SDK:
this module then answers None. The files are looked for where the SDK looks, in its order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from stackmend.adapters.openstack.login import Login
from stackmend.errors import Code, Refused

_ENTRY = {"auth", "auth_type", "region_name", "interface", "identity_api_version", "cacert"}
_AUTH = {"auth_url", "username", "user_id", "password", "project_name", "project_id"}
_AUTH |= {"user_domain_name", "user_domain_id", "project_domain_name", "project_domain_id"}
_TYPES = {"password", "v3password"}
_SUFFIXES = ("yaml", "yml", "json")


def read(cloud: str) -> Login | None:
    """Return how a cloud is logged in to; None where its entry is not plain.

    Raises:
        Refused: CLOUD_UNKNOWN where the file is not valid YAML.
    """
    file = _clouds_file()
    entry = _entry(file, cloud) if cloud and file is not None else None
    if entry is None:
        return None
    place = {"interface": entry.get("interface", "public"), "region_name": entry.get("region_name")}
    session = Session(auth=Password(**entry["auth"]), verify=entry.get("cacert") or True)
    return Login(cloud, session, by_token=False, endpoint=lambda _: None, place=lambda _: place)


def _clouds_file() -> Path | None:
    """Return the file that the SDK would read; None where it would read more than one."""
    named = os.environ.get("OS_CLIENT_CONFIG_FILE")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    folders = [Path.cwd(), config / "openstack", Path("/etc/xdg/openstack"), Path("/etc/openstack")]
    secure = [folder / f"secure.{suffix}" for folder in folders for suffix in _SUFFIXES]
    if os.environ.get("OS_CLIENT_SECURE_FILE") or any(path.exists() for path in secure):
        return None
    paths = [Path(named)] if named else []
    paths += [folder / f"clouds.{suffix}" for folder in folders for suffix in _SUFFIXES]
    return next((path for path in paths if path.exists()), None)


def _entry(file: Path, cloud: str) -> dict[str, Any] | None:
    """Return a cloud's entry where it is plain."""
    try:
        data = _parsed(file)
        entry: dict[str, Any] = data["clouds"][cloud]
        auth = entry["auth"]
        plain = data.keys() == {"clouds"} and entry.keys() <= _ENTRY and auth.keys() <= _AUTH
        texts = all(isinstance(value, str) and value for value in auth.values())
        v3 = str(auth["auth_url"]).rstrip("/").endswith("/v3") and entry.get("auth_type", "password") in _TYPES
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if plain and texts and v3 and auth.get("password") else None


def _parsed(file: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return what the file holds; the SDK would skip one that is not valid, and miss the cloud."""
    text = file.read_text()
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file} line {mark.line + 1}" if mark else str(file)
        raise Refused(Code.CLOUD_UNKNOWN, f"{where}: not valid YAML") from error
