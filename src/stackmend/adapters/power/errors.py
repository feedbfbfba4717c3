"""What goes wrong between stackmend and a power controller."""

from __future__ import annotations

from stackmend.domain.power import PowerController
from stackmend.domain.values import NodeName
from stackmend.errors import Code, Failed

TAIL = 600
"""How much of what a library or program said an error keeps, in characters."""


def unreachable(node: NodeName, controller: PowerController, said: str) -> Failed:
    """Return that a controller gave no answer."""
    return Failed(
        Code.POWER_UNREACHABLE,
        f"the power controller of {node} at {controller.address} did not answer",
        hint="what it controls may be on or off; look at the machine, or at its controller's own page",
        evidence=_evidence(controller, said),
    )


def refused(node: NodeName, controller: PowerController, what: str, said: str, *, hint: str = "") -> Failed:
    """Return that a controller answered, but not as it was asked to.

    Args:
        node: whose it is.
        controller: which.
        what: what it did, to follow its name in the sentence.
        said: what the library or program said.
        hint: what to do.
    """
    sentence = f"the power controller of {node} at {controller.address} {what}"
    return Failed(Code.POWER_REFUSED, sentence, hint=hint, evidence=_evidence(controller, said))


def _evidence(controller: PowerController, said: str) -> dict[str, str]:
    return {"driver": controller.driver, "address": controller.address, "said": " ".join(said.split())[-TAIL:]}
