"""The APIs of the cloud: the only code that uses openstacksdk and keystoneauth, imported at the first request."""

from stackmend.adapters.openstack.client import OpenStack

__all__ = ["OpenStack"]
