"""Configuration files are read as oslo.config reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stackmend.adapters.oslo_config import Options, parse, reading_script

SHOWN = """\
#### stackmend file /etc/nova/nova.conf
[DEFAULT]
# max_concurrent_live_migrations = 9
state_path = /srv/nova
instances_path = $state_path/instances
transport_url = rabbit://nova:secret@ctl01
quoted = "with blanks "
multi = one,
  two
empty =

[database]
connection = mysql+pymysql://nova:secret@${DEFAULT.my_host}/nova
#### stackmend file /etc/nova/nova.conf.d/10.conf
[DEFAULT]
max_concurrent_live_migrations=3
my_host : ignored
my_host = ctl01
price = $$5
"""


def options() -> Options:
    return parse(SHOWN)


def test_the_last_value_counts_over_all_files() -> None:
    assert options().get("DEFAULT", "max_concurrent_live_migrations", "1") == "3"
    assert options().files == ("/etc/nova/nova.conf", "/etc/nova/nova.conf.d/10.conf")


def test_other_options_are_put_in() -> None:
    assert options().get("DEFAULT", "instances_path") == "/srv/nova/instances"
    assert options().get("database", "connection") == "mysql+pymysql://nova:secret@ctl01/nova"
    assert options().get("DEFAULT", "price") == "$5"


def test_quotes_continuations_and_what_is_missing() -> None:
    assert options().get("DEFAULT", "quoted") == "with blanks "
    assert options().get("DEFAULT", "multi") == "one,\ntwo"
    assert options().get("DEFAULT", "empty", "default") == ""
    assert options().get("api", "nothing", "default") == "default"


def test_an_option_that_names_itself_ends() -> None:
    assert parse("#### stackmend file x\n[DEFAULT]\na = $a\n").get("DEFAULT", "a") == "$a"


def test_values_do_not_show_themselves() -> None:
    assert "secret" not in repr(options())


def test_the_script_is_one_that_sh_can_read(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(reading_script("nova-compute"))
    subprocess.run(["sh", "-n", str(script)], check=True)
