"""Everyone who serves frames here: ours, the floors, and what people use today. One row per contender.

A contender is one module with a class; the order here is the order of the table.
"""

from peers.contender import Contender
from peers.python_server import FastApi
from peers.floor import Floor
from peers.go2rtc import Go2rtc
from peers.gstreamer import GStreamer
from peers.mediamtx import MediaMtx
from peers.ours import Camweave
from peers.ustreamer import Ustreamer

OURS: Contender = Camweave()
FLOORS: tuple[Contender, ...] = (Floor("sendmsg"), Floor("sendfile"))
TEE_FLOOR = Floor("tee")
PEERS: tuple[Contender, ...] = (Ustreamer(), Go2rtc(), MediaMtx(), GStreamer(), FastApi())


def able(context, contenders, protocol: str, absent: dict[str, str]) -> list[Contender]:
    """Those that can serve `protocol` here; the others go to `absent`, with the reason."""
    found = []
    for contender in contenders:
        if contender in PEERS and not context.with_peers:
            continue
        why = contender.missing(context)
        if why is None and protocol not in contender.protocols:
            why = f"serves no {protocol}"
        if why is None:
            found.append(contender)
        else:
            absent[contender.name] = why
    return found
