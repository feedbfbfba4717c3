"""URLs of cells are filled from nova's own."""

from __future__ import annotations

import pytest

from stackmend.adapters.database.urls import cell_url

OWN = "mysql+pymysql://nova:secret@10.0.0.1:3307/nova_cell0?charset=utf8"


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("mysql+pymysql://a:b@c/d", "mysql+pymysql://a:b@c/d"),
        ("{scheme}://{username}:{password}@{hostname}:{port}/nova?{query}", OWN.replace("nova_cell0", "nova")),
        ("{scheme}://{username}:{password}@db2:{port}/{path}?{query}", OWN.replace("10.0.0.1", "db2")),
    ],
)
def test_cell_url(template: str, url: str) -> None:
    assert cell_url(template, OWN) == url
