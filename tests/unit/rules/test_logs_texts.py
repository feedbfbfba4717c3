"""Templates, masks and times, on what services say."""

from datetime import UTC, datetime

import pytest

from stackmend.rules.logs_masking import mask
from stackmend.rules.logs_templates import Templates
from stackmend.rules.logs_when import moment

NOW = datetime(2026, 11, 24, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "template"),
    [
        (
            "Instance 8459ed33-7766-4f71-8da1-726248cb178e not found in 12 s",
            "Instance cee2285a-a470-4382-bf0e-99ad4a64daca not found in 7 s",
            "Instance <uuid> not found in <n> s",
        ),
        (
            "tcp:10.213.76.23:39214: no response to inactivity probe after 5 seconds",
            "tcp:10.213.76.10:6642: no response to inactivity probe after 5.01 seconds",
            "tcp:<address>: no response to inactivity probe after <n> seconds",
        ),
        (
            "Can't find 'ctl01' in [\"a\", 'b']",
            "Can't find 'c01' in [\"ccc\", 'd e']",
            "Can't find <name> in [<name>, <name>]",
        ),
        ("bdev(0x563737f76400 /dev/sda)", "bdev(0x7f00 /dev/sda)", "bdev(<hex> /dev/sda)"),
        ("to tap6f85cac1-58: down", "to tapc5499187-a1: down", "to tap<port>: down"),
        ("reply_c770c54e7ee745a0ba6c55222a3dcd35 to req-c782e3e8-324e-46c5-8e38-59dfdb1f3548",) * 2
        + ("reply_c<n>c<n>e<n>ee<n>a<n>ba<n>c<n>a<n>dcd<n> to <request>",),
        ("queue c770c54e7ee745a0ba6c55222a3dcd35", "queue 079f58aeae8b43efbf681a79caec917e", "queue <hex>"),
        ("address fe80::1 and 2001:db8:0:0:1::5", "address fe80::2 and 2001:db8::7", "address <address> and <address>"),
    ],
)  # fmt: skip
def test_messages_that_differ_in_names_have_one_template(one: str, other: str, template: str) -> None:
    templates = Templates()
    assert templates.of(one) == templates.of(other) == template


def test_a_template_is_of_the_first_line_and_keeps_words() -> None:
    assert Templates().of("Bad face added: deadbeef\nmore 1") == "Bad face added: deadbeef"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("connection mysql+pymysql://nova:hunter2@10.0.0.1/nova", "connection mysql+pymysql://nova:****@10.0.0.1/nova"),
        ("rabbit://a:b@h:5672,c:d@i:5672//", None),
        ("{'adminPass': 'hunter2', 'name': 'x'}", "{'adminPass': '****', 'name': 'x'}"),
        ('{\\"password\\": \\"hunter2\\", "n": 1}', '{\\"password\\": "****", "n": 1}'),
        ("X-Auth-Token: gAAAAABhunter2", "X-Auth-Token: ****"),
        ("Authorization: Bearer hunter2 next", "Authorization: **** next"),
        ("metadata_proxy_shared_secret=hunter2", "metadata_proxy_shared_secret=****"),
        ("got gAAAAABmabcdefghijklmnopqrstuvwx from keystone", "got **** from keystone"),
        ("-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----", "****"),
    ],
)
def test_secrets_are_masked(text: str, masked: str | None) -> None:
    said = mask(text)
    assert "hunter2" not in said
    if masked is None:
        assert ":b@" not in said
        assert ":d@" not in said
    else:
        assert said == masked


@pytest.mark.parametrize(
    "text",
    [
        "Truncating password to algorithm specific maximum length 72 characters.",
        '10.213.76.1 "GET /v3/auth/tokens" status: 200',
        "AuthToken middleware is set with keystone_authtoken.service_token_roles_required set to False.",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10m", datetime(2026, 11, 24, 13, 20, tzinfo=UTC)),
        ("1.5h", datetime(2026, 11, 24, 12, 0, tzinfo=UTC)),
        ("9:05", datetime(2026, 11, 24, 9, 5, tzinfo=UTC)),
        ("13:05:01.5", datetime(2026, 11, 24, 13, 5, 1, 500000, tzinfo=UTC)),
        ("2026-11-23 01:02", datetime(2026, 11, 23, 1, 2, tzinfo=UTC)),
        ("2026-11-24T13:05+09:00", datetime(2026, 11, 24, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_as_a_person_types_them(text: str, meant: datetime) -> None:
    assert moment(text, NOW) == meant


def test_what_is_no_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        moment("yesterday", NOW)
