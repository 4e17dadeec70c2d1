"""MediaMTX, where MEDIAMTX names its binary. It serves no MJPEG over HTTP: it takes part in the RTSP figures."""

import os
import shutil

from peers.contender import Contender


class MediaMtx(Contender):
    name = "MediaMTX"
    protocols = ()

    def missing(self, context):
        binary = os.environ.get("MEDIAMTX", "")
        return None if shutil.which(binary) else "not here: MEDIAMTX names no binary"
