"""The only code that talks to the outside: ssh, openstack, database, libvirt, clock."""
