"""Connection URLs of cells, which nova may keep as templates."""

from __future__ import annotations

from urllib.parse import urlsplit


def cell_url(template: str, own: str) -> str:
    """Return a cell's connection URL, its ``{username}`` and the like filled from nova's own URL.

    Source: nova's documentation on cells, "Template URLs in Cell Mappings"; ``nova.objects.cell_mapping``.

    Args:
        template: as it stands in ``cell_mappings.database_connection``.
        own: ``[database] connection``.
    """
    parts = urlsplit(own)
    values = {
        "scheme": parts.scheme,
        "username": parts.username,
        "password": parts.password,
        "hostname": parts.hostname,
        "port": parts.port,
        "path": parts.path.lstrip("/"),
        "query": parts.query,
        "fragment": parts.fragment,
    }
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", str(value or ""))
    return template
