"""Tell the requests that a Python program sends to APIs: ``stackmend trace`` has the programs of a command start this.

Python imports a module of this name by itself. It needs Python 3.6 and its library, and must not be noticed: it does
nothing before ``http.client`` is imported, on which requests, urllib3, httplib2 and urllib all rest; where nothing can
be told, nothing is; and the module that this one hides is run too.

What is told of a request is its method, URL without query, status, the request id of its answer, and the id that was
sent. Nothing else is looked at: no token, no other header, no body.
"""

import os
import sys

TYPE_CHECKING = False  # typing is not imported: it takes longer than all of this
if TYPE_CHECKING:
    from typing import Any

OURS = os.path.dirname(os.path.abspath(__file__))
FILE = os.environ.get("STACKMEND_TRACE_FILE", "")
REQUEST = os.environ.get("STACKMEND_TRACE_REQUEST", "")
HEADER = "x-openstack-request-id"
ANSWERED = (HEADER, "x-compute-request-id", "x-trans-id")
LONG = 64
"""Characters; a longer part of a path is no name or id, but some secret."""
HTTPS = 443


def tell(line: str) -> None:
    """Add a line to the file; whether that is possible is not the program's concern."""
    try:
        descriptor = os.open(FILE, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return
    try:
        os.write(descriptor, (line + "\n").encode())
    except OSError:
        pass
    finally:
        os.close(descriptor)


def place(connection: "Any", url: str) -> str:
    """Return the URL of a request without its query, a password, or a token in its path."""
    url = url.partition("?")[0].partition("#")[0]
    if "://" in url:  # to a proxy
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        beginning = f"{scheme}://{host.rpartition('@')[2]}"
        path = "/" + path
    else:
        scheme = "https" if getattr(connection, "default_port", 0) == HTTPS else "http"
        host = getattr(connection, "_tunnel_host", None) or connection.host
        port = getattr(connection, "_tunnel_port", None) or connection.port
        beginning, path = f"{scheme}://{host}:{port}", url
    parts = path.split("/")
    kept = [
        "****" if len(part) > LONG or (number and parts[number - 1] == "tokens") else part
        for number, part in enumerate(parts)
    ]
    return beginning + "/".join(kept)


def note(connection: "Any", status: int, answered: str, error: str) -> None:
    """Tell the request that a connection has sent, once."""
    import json
    import time

    call = connection.__dict__.pop("_stackmend_call", None)
    if call is not None:
        began, method, url, sent = call
        said = {"time": began, "seconds": time.time() - began, "method": method, "url": url, "status": status}
        said.update({"request": answered, "sent": sent, "error": error, "pid": os.getpid()})
        tell(json.dumps(said))


def patch(client: "Any") -> None:
    """Have every connection of ``http.client`` note its requests, and send our request id where it sends none."""
    import time

    connection = client.HTTPConnection
    putrequest, putheader = connection.putrequest, connection.putheader
    endheaders, getresponse = connection.endheaders, connection.getresponse

    def noting_putrequest(self: "Any", method: str, url: str, *args: "Any", **named: "Any") -> "Any":
        self.__dict__["_stackmend_call"] = [time.time(), str(method), place(self, str(url)), ""]
        return putrequest(self, method, url, *args, **named)

    def noting_putheader(self: "Any", header: "Any", *values: "Any") -> "Any":
        name = header.decode("latin-1") if isinstance(header, bytes) else str(header)
        if name.lower() == HEADER and values and "_stackmend_call" in self.__dict__:
            value = values[0]
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            self.__dict__["_stackmend_call"][3] = text
        return putheader(self, header, *values)

    def adding_endheaders(self: "Any", *args: "Any", **named: "Any") -> "Any":
        call = self.__dict__.get("_stackmend_call")
        if REQUEST and call is not None and not call[3]:
            putheader(self, HEADER, REQUEST)
            call[3] = REQUEST
        return noted(self, endheaders, args, named)

    def noting_getresponse(self: "Any", *args: "Any", **named: "Any") -> "Any":
        response = noted(self, getresponse, args, named)
        ids = [value for value in map(response.getheader, ANSWERED) if value]
        note(self, response.status, ids[0] if ids else "", "")
        return response

    connection.putrequest, connection.putheader = noting_putrequest, noting_putheader
    connection.endheaders, connection.getresponse = adding_endheaders, noting_getresponse


def noted(connection: "Any", method: "Any", args: "Any", named: "Any") -> "Any":
    """Call a connection's method; where that fails, tell so and let the error pass."""
    done = False
    try:
        result = method(connection, *args, **named)
        done = True
        return result
    finally:
        if not done:
            kind = sys.exc_info()[0]
            note(connection, 0, "", kind.__name__ if kind else "")


class Watch:
    """Waits for the import of ``http.client``; a program without it pays nothing."""

    def find_spec(self, name: str, path: "Any" = None, *_: "Any") -> "Any":
        """Return its spec, with what follows its execution; None for every other module."""
        if name != "http.client":
            return None
        from importlib.machinery import PathFinder

        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        loader = getattr(spec, "loader", None)
        if loader is not None:
            execute = loader.exec_module

            def executed(module: "Any") -> None:
                execute(module)
                patch(module)

            loader.exec_module = executed
        return spec


def start() -> None:
    """Begin, unless nobody listens."""
    if FILE:
        tell(f'{{"loaded": {os.getpid()}}}')
        if "http.client" in sys.modules:
            patch(sys.modules["http.client"])
        else:
            sys.meta_path.insert(0, Watch())


def hidden() -> None:
    """Run the module that this one hides, under its name; its errors are Python's concern, as ever."""
    from importlib.machinery import PathFinder

    sys.path[:] = [entry for entry in sys.path if entry != OURS]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


start()
hidden()
