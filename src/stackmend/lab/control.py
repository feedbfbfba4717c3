"""The controller: database, messages, keystone, glance, placement, nova, neutron and cinder, OVN's databases."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stackmend.lab import common, ssh, storage
from stackmend.lab.layers import Layer, template
from stackmend.lab.settings import CONTROLLER, Settings

_APIS = (
    # name, project, program, further lines
    ("keystone", "keystone", "/usr/bin/keystone-wsgi-public", ""),
    ("placement-api", "placement", "/usr/bin/placement-api", ""),
    ("nova-api", "nova", "/usr/bin/nova-api-wsgi", ""),
    ("neutron-api", "neutron", "/usr/bin/neutron-api", "start-time = %t\npaste = config:/etc/neutron/api-paste.ini"),
    ("cinder-api", "cinder", "/usr/bin/cinder-wsgi", ""),
)
"""The services that Debian runs in uWSGI."""
_AFTER = """\
[Unit]
After=mariadb.service rabbitmq-server.service memcached.service

[Service]
Restart=on-failure
RestartSec=1
TimeoutStopSec=5s
"""
_NOVA_DATABASES = """
[database]
connection = mysql+pymysql://nova:{0}@ctl01/nova?charset=utf8

[api_database]
connection = mysql+pymysql://nova:{0}@ctl01/nova_api?charset=utf8
"""
_RABBIT = """\
default_user = openstack
default_pass = {}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 100MB
"""
_OVN = 'OVN_CTL_OPTS="--db-nb-create-insecure-remote=yes --db-sb-create-insecure-remote=yes"\n'
_MAINTENANCE = """\
[Unit]
Description=OpenStack Neutron OVN maintenance worker
After=mariadb.service rabbitmq-server.service ovn-central.service

[Service]
User=neutron
Group=neutron
ExecStart=/usr/bin/neutron-ovn-maintenance-worker --config-file=/etc/neutron/neutron.conf \
--config-file=/etc/neutron/plugins/ml2/ml2_conf.ini --log-file=/var/log/neutron/neutron-ovn-maintenance-worker.log
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
"""
SERVERS = (
    "keystone",
    "glance-api",
    "placement-api",
    "nova-api",
    "nova-conductor",
    "nova-scheduler",
    "neutron-api",
    "neutron-ovn-maintenance-worker",
    "cinder-api",
    "cinder-scheduler",
    "cinder-volume",
)
"""The units of the controller's OpenStack services."""

_IDENTITY = """\
runuser -u keystone -- keystone-manage db_sync
runuser -u keystone -- keystone-manage fernet_setup --keystone-user keystone --keystone-group keystone
export OS_BOOTSTRAP_PASSWORD={admin}
keystone-manage bootstrap --bootstrap-region-id RegionOne --bootstrap-admin-url http://{address}:5000/v3 \
  --bootstrap-internal-url http://{address}:5000/v3 --bootstrap-public-url http://{address}:5000/v3
chown -R keystone:keystone /var/log/keystone /etc/keystone/fernet-keys
systemctl enable -q --now keystone
runuser -u placement -- placement-manage db sync
runuser -u glance -- glance-manage db_sync
"""
_COMPUTE = """\
runuser -u nova -- nova-manage api_db sync
runuser -u nova -- nova-manage cell_v2 map_cell0
runuser -u nova -- nova-manage db sync
runuser -u nova -- nova-manage cell_v2 create_cell --name cell1
"""
_NETWORK = """\
runuser -u neutron -- neutron-db-manage --config-file /etc/neutron/neutron.conf \
  --config-file /etc/neutron/plugins/ml2/ml2_conf.ini upgrade heads
"""


def write(layer: Layer, settings: Settings, folder: Path, passwords: Mapping[str, str]) -> None:
    """Write the controller's files, before it boots."""
    common.write(layer, settings, CONTROLLER, folder)
    values = {**passwords, "address": settings.address(CONTROLLER), "controller": settings.address(CONTROLLER)}
    values["databases"] = _NOVA_DATABASES.format(passwords["db_nova"])
    for project, path in (
        ("keystone", "keystone/keystone.conf"),
        ("glance", "glance/glance-api.conf"),
        ("placement", "placement/placement.conf"),
        ("nova", "nova/nova.conf"),
        ("neutron", "neutron/neutron.conf"),
        ("neutron", "neutron/plugins/ml2/ml2_conf.ini"),
    ):
        layer.put(f"etc/{path}", template(Path(path).name, values), mode=0o640, group=project)
    for name, project, program, extra in _APIS:
        api = {"name": name, "project": project, "user": project, "wsgi": program, "extra": extra}
        layer.put(f"etc/{project}/{name}-uwsgi.ini", template("uwsgi.ini", api))
    for name in SERVERS:
        layer.put(f"etc/systemd/system/{name}.service.d/lab.conf", _AFTER)
    layer.put("etc/systemd/system/neutron-ovn-maintenance-worker.service", _MAINTENANCE)
    layer.put("etc/mysql/mariadb.conf.d/90-lab.cnf", template("mariadb.cnf", {}))
    rabbit = _RABBIT.format(passwords["messaging"])
    layer.put("etc/rabbitmq/rabbitmq.conf", rabbit, mode=0o640, group="rabbitmq")
    layer.put(
        "etc/rabbitmq/rabbitmq-env.conf",
        'NODENAME=rabbit@ctl01\nRABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 +sbwt none"\n',
    )
    layer.put("etc/memcached.conf", "-m 64\n-p 11211\n-u memcache\n-l 0.0.0.0\n-U 0\n")
    layer.put("etc/default/ovn-central", _OVN)
    storage.write(layer, settings, passwords)


def stores(settings: Settings, passwords: Mapping[str, str]) -> None:
    """Start the database, the message queue and OVN, and make the services' databases."""
    ssh.run(settings, CONTROLLER, "systemctl enable -q --now mariadb rabbitmq-server memcached ovn-central\n")
    ssh.run(settings, CONTROLLER, f"mariadb <<'END'\n{_sql(passwords)}\nEND\n")


def schemas(settings: Settings, passwords: Mapping[str, str]) -> None:
    """Fill the databases, two at a time; keystone runs at the end of it."""
    identity = _IDENTITY.format(admin=passwords["admin"], address=settings.address(CONTROLLER))
    halves = (identity + _NETWORK, _COMPUTE + storage.SCHEMA)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(ssh.run, settings, CONTROLLER, text) for text in halves]:
            done.result()


def servers(settings: Settings) -> None:
    """Start every service of the controller, and let them start with it from now on."""
    ssh.run(settings, CONTROLLER, f"systemctl daemon-reload\nsystemctl enable -q --now {' '.join(SERVERS)}\n")


def map_hosts(settings: Settings) -> None:
    """Let nova's cell know the compute nodes that have reported."""
    ssh.run(settings, CONTROLLER, "runuser -u nova -- nova-manage cell_v2 discover_hosts --by-service\n")


def _sql(passwords: Mapping[str, str]) -> str:
    owners = {name: [name] for name in ("keystone", "glance", "placement", "neutron", "cinder")}
    owners["nova"] = ["nova", "nova_api", "nova_cell0"]
    lines = []
    for user, names in owners.items():
        lines.append(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{passwords['db_' + user]}';")
        for name in names:
            lines += [f"CREATE DATABASE {name};", f"GRANT ALL ON {name}.* TO '{user}'@'%';"]
    lines.append(f"CREATE USER 'stackmend'@'%' IDENTIFIED BY '{passwords['db_reader']}';")
    lines.append("GRANT SELECT ON *.* TO 'stackmend'@'%';")
    return "\n".join(lines)
