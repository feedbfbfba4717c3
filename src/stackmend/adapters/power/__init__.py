"""Power controllers: the only code that uses sushy, and late, and that runs ipmitool."""

from stackmend.adapters.power.control import PowerControl

__all__ = ["PowerControl"]
