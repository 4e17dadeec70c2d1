// The two kinds of OutboundStream. Private to this folder.
#pragma once

#include "net/outbound/outbound_stream.h"

namespace camweave {

std::shared_ptr<OutboundStream> connect_plain(IoLoop& loop, OutboundOptions options, OutboundStream::Owner& owner);
std::shared_ptr<OutboundStream> connect_tls(IoLoop& loop, OutboundOptions options, OutboundStream::Owner& owner);

}  // namespace camweave
