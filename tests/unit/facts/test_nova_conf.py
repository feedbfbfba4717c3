"""Brokers are read from transport_url, and credentials are left behind."""

from __future__ import annotations

import pytest

from stackmend.facts.nova_conf import transport


@pytest.mark.parametrize(
    ("url", "rabbits", "vhost"),
    [
        ("rabbit://nova:secret@ctl01:5672/", ("ctl01:5672",), "/"),
        ("rabbit://nova:secret@ctl01:5672,nova:secret@ctl02:5671/nova", ("ctl01:5672", "ctl02:5671"), "nova"),
        ("rabbit://nova:secret@ctl01/nova?ssl=1", ("ctl01:5672",), "nova"),
        ("rabbit+tls://nova:secret@[2001:db8::1]:5671//", ("[2001:db8::1]:5671",), "/"),
        ("rabbit://nova:sec/ret@ctl01:5672/", ("ctl01:5672",), "/"),
        ("", (), "/"),
    ],
)
def test_transport(url: str, rabbits: tuple[str, ...], vhost: str) -> None:
    assert transport(url) == (rabbits, vhost)


def test_no_credential_is_left() -> None:
    assert "secret" not in str(transport("rabbit://nova:secret@ctl01:5672,nova:secret@ctl02:5672/v"))
