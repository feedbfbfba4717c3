"""A plain entry of clouds.yaml is read as the SDK reads it; whatever is not plain is left to the SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from stackmend.adapters.openstack import plain, sdk
from stackmend.errors import Code, Refused

AUTH = {
    "auth_url": "http://127.0.0.1:1/v3",
    "username": "admin",
    "password": "secret",
    "project_name": "admin",
    "user_domain_name": "Default",
    "project_domain_name": "Default",
}
ENTRY: dict[str, Any] = {"auth": AUTH, "region_name": "RegionOne", "interface": "internal", "identity_api_version": "3"}


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, and its clouds.yaml named: the SDK fixes the other places when it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    for name in ("OS_CLIENT_SECURE_FILE", "OS_CLOUD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write(path: Path, **clouds: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"clouds": clouds}))


def test_both_read_the_same(away: Path) -> None:
    write(away / "clouds.yaml", lab=ENTRY)
    ours, theirs = plain.read("lab"), sdk.read("lab")
    assert ours is not None
    assert (ours.name, ours.by_token) == (theirs.name, theirs.by_token)
    for service in ("compute", "network", "placement", "image", "identity"):
        assert ours.place(service) == theirs.place(service)
        assert ours.endpoint(service) is theirs.endpoint(service) is None
    assert ours.session.verify == theirs.session.verify
    assert vars(ours.session.auth)["auth_url"] == vars(theirs.session.auth)["auth_url"] == AUTH["auth_url"]


def test_the_file_that_is_named_comes_first(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(away / "clouds.yaml", lab={**ENTRY, "region_name": "here"})
    write(away / "named.yaml", lab={**ENTRY, "region_name": "named"})
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(away / "named.yaml"))
    found = plain.read("lab")
    assert found is not None
    assert (
        found.place("compute") == sdk.read("lab").place("compute") == {"interface": "internal", "region_name": "named"}
    )


@pytest.mark.parametrize(
    "entry",
    [
        {**ENTRY, "profile": "vexxhost"},
        {**ENTRY, "auth_type": "v3applicationcredential"},
        {**ENTRY, "verify": False},
        {**ENTRY, "compute_endpoint_override": "http://127.0.0.1:2"},
        {**ENTRY, "auth": {**AUTH, "auth_url": "http://127.0.0.1:1"}},
        {**ENTRY, "auth": {**AUTH, "system_scope": "all"}},
        {**ENTRY, "auth": {k: v for k, v in AUTH.items() if k != "password"}},
        {**ENTRY, "auth": {**AUTH, "password": 12345}},
        {"auth": None},
        None,
    ],
)
def test_what_is_not_plain_is_left_to_the_sdk(away: Path, entry: Any) -> None:
    write(away / "clouds.yaml", lab=entry)
    assert plain.read("lab") is None


def test_a_secure_file_is_left_to_the_sdk(away: Path) -> None:
    write(away / "clouds.yaml", lab=ENTRY)
    write(away / "config/openstack/secure.yaml", lab={"auth": {"password": "other"}})
    assert plain.read("lab") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "clouds.yaml has no cloud lab"),
        ("clouds: {prod: {}}", "clouds.yaml has no cloud lab"),
        ("clouds: {lab: {auth: {auth_url: 'http://x', username: a}}}", "clouds.yaml has no password for cloud lab"),
    ],
)
def test_mistakes_are_refused_in_one_line(away: Path, text: str | None, said: str) -> None:
    if text is not None:
        (away / "clouds.yaml").write_text(text)
    assert plain.read("lab") is None
    with pytest.raises(Refused, match=said) as caught:
        sdk.read("lab")
    assert caught.value.code is Code.CLOUD_UNKNOWN
    assert "\n" not in caught.value.sentence


def test_a_file_that_is_not_yaml_is_named_with_its_line(away: Path) -> None:
    (away / "clouds.yaml").write_text("clouds:\n  lab: }")
    with pytest.raises(Refused, match=r"clouds.yaml line 2: not valid YAML") as caught:
        plain.read("lab")
    assert caught.value.code is Code.CLOUD_UNKNOWN
