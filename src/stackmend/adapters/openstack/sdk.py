"""Any entry of ``clouds.yaml``, read by openstacksdk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import openstack.config
from keystoneauth1 import exceptions as ksa
from openstack import exceptions as sdk

from stackmend.adapters.openstack.login import Login
from stackmend.errors import Code, Refused

if TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion


def read(cloud: str) -> Login:
    """Return how a cloud is logged in to.

    Raises:
        Refused: CLOUD_UNKNOWN where there is no such cloud, or its entry does not do.
    """
    region = _region(cloud)

    def place(service: str) -> Mapping[str, Any]:
        return {"interface": region.get_interface(service), "region_name": region.get_region_name(service)}

    return Login(
        name=cloud or str(region.name or "of the environment"),
        session=region.get_session(),
        by_token="token" in str(region.config.get("auth_type", "")),
        endpoint=region.get_endpoint,
        place=place,
    )


def _region(cloud: str) -> CloudRegion:
    try:
        config = openstack.config.OpenStackConfig()
        names = sorted(config.get_cloud_names())
        if cloud and cloud not in names:
            known = "known clouds: " + ", ".join(names)
            hint = known if names else "no clouds.yaml was found; see OS_CLIENT_CONFIG_FILE"
            raise Refused(Code.CLOUD_UNKNOWN, f"clouds.yaml has no cloud {cloud}", hint=hint)
        return _complete(config.get_one(cloud=cloud or None), cloud)
    except (sdk.ConfigException, ksa.ClientException) as error:
        raise Refused(Code.CLOUD_UNKNOWN, f"clouds.yaml does not say how to reach {cloud}: {error}") from error


def _complete(region: CloudRegion, cloud: str) -> CloudRegion:
    """Return the region where it has a password to log in with; keystoneauth notices late, with a bare exception."""
    if str(region.config.get("auth_type", "")).endswith("password") and not region.config["auth"].get("password"):
        raise Refused(
            Code.CLOUD_UNKNOWN,
            f"clouds.yaml has no password for cloud {cloud}",
            hint="put it into the auth section, there or in secure.yaml",
        )
    return region
