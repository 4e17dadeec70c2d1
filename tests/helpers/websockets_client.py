"""The `websockets` package as Debian 12 (10) and Debian 13 (15) have it: the same things under other names."""

import websockets

IS_OLD = int(websockets.version.version.partition(".")[0]) < 14
# Raised by a connection that the server answers with anything but 101.
Refused = websockets.InvalidStatusCode if IS_OLD else websockets.InvalidStatus


def status_of(refused):
    """The HTTP status of a Refused."""
    return refused.status_code if IS_OLD else refused.response.status_code


def connect(url, headers):
    """websockets.connect with further request headers."""
    return websockets.connect(url, **{"extra_headers" if IS_OLD else "additional_headers": headers})
