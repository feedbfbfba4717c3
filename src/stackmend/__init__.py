"""stackmend: maintenance, failure recovery and debugging for OpenStack clouds."""

__version__ = "0.1.0"
