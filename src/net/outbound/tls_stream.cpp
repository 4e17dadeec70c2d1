#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <optional>

#include "net/outbound/connector.h"
#include "net/outbound/streams.h"

namespace camweave {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using ErrorNumber = boost::system::error_code;

constexpr size_t max_control_bytes = 16 * 1024;
constexpr size_t most_bytes_a_write = 64 * 1024;  // so that progress is seen while a large frame goes out

Result<ssl::context> make_context(const OutboundOptions& options) {
  try {
    ssl::context context(ssl::context::tls_client);
    ErrorNumber error;
    ::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    if (!options.check_certificate) return context;
    context.set_verify_mode(ssl::verify_peer, error);
    if (options.ca_file.empty()) {
      context.set_default_verify_paths(error);
    } else {
      context.load_verify_file(options.ca_file, error);
    }
    if (error)
      return Error{ErrorCode::io,
                   fmt::format("certificates of {}: {}", options.ca_file.empty() ? "the system" : options.ca_file,
                               error.message())};
    return context;
  } catch (const boost::system::system_error& error) {
    return Error{ErrorCode::internal, fmt::format("TLS: {}", error.what())};
  }
}

// The certificate must name the host that we meant, by its name or by its address.
void expect_host(SSL* connection, const std::string& host) {
  X509_VERIFY_PARAM* const wanted = ::SSL_get0_param(connection);
  if (::X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1) return;
  ::X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  ::X509_VERIFY_PARAM_set1_host(wanted, host.c_str(), host.size());
  SSL_set_tlsext_host_name(connection, host.c_str());
}

class TlsStream final : public OutboundStream, public std::enable_shared_from_this<TlsStream> {
 public:
  TlsStream(IoLoop& loop, OutboundOptions options, Owner& owner)
      : loop_(loop), options_(std::move(options)), owner_(&owner) {}

  void start() {
    connector_ = Connector::start(loop_, options_.host, options_.port, [weak = weak_from_this()](auto result) {
      if (const auto self = weak.lock()) self->take(std::move(result));
    });
  }

  bool idle() const override { return is_secure_ && !image_ && control_.empty(); }
  Timestamp last_progress() const override { return last_progress_; }

  void send_control(std::string_view bytes) override {
    if (!is_secure_) return;
    if (control_.size() + bytes.size() > max_control_bytes) {
      return end_later({ErrorCode::exhausted, "the target asks more than it reads"});
    }
    if (idle()) last_progress_ = loop_.now();
    control_ += bytes;
    write();
  }

  bool start_frame(std::shared_ptr<const PacketBuffer> image) override {
    image_ = std::move(image);
    image_sent_bytes_ = 0;
    last_progress_ = loop_.now();
    write();
    return true;
  }

  void close() override {
    owner_ = nullptr;
    if (connector_) connector_->cancel();
    ErrorNumber ignored;
    if (stream_) stream_->lowest_layer().close(ignored);
  }

 private:
  void take(Result<std::unique_ptr<Connection>> result) {
    connector_.reset();
    if (!owner_) return;
    if (!result) return end(result.error());
    auto context = make_context(options_);
    if (!context) return end(context.error());
    context_.emplace(std::move(*context));
    if (auto set_up = set_up_stream(**result); !set_up) return end(set_up.error());
    if (options_.check_certificate) {
      expect_host(stream_->native_handle(), options_.host);
    } else {
      SSL_set_tlsext_host_name(stream_->native_handle(), options_.host.c_str());
    }
    stream_->async_handshake(ssl::stream_base::client,
                             [self = shared_from_this()](const ErrorNumber& error) { self->on_handshake(error); });
  }

  // Asio wants a socket of its own: a second descriptor of the same connection.
  Result<void> set_up_stream(Connection& connection) {
    UniqueFd fd(::fcntl(connection.fd(), F_DUPFD_CLOEXEC, 3));
    if (!fd) return system_error("TLS: dup");
    const int on = 1, lowat_bytes = 16 * 1024;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat_bytes, sizeof lowat_bytes);
    asio::ip::tcp::socket socket(loop_.context());
    ErrorNumber error;
    socket.assign(connection.peer().is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), fd.get(), error);
    if (error) return Error{ErrorCode::io, "TLS: " + error.message()};
    [[maybe_unused]] const int taken = fd.release();
    stream_.emplace(std::move(socket), *context_);
    return {};
  }

  void on_handshake(const ErrorNumber& error) {
    if (!owner_) return;
    if (error) {
      const long verdict = ::SSL_get_verify_result(stream_->native_handle());
      if (options_.check_certificate && verdict != X509_V_OK) {
        return end({ErrorCode::permission_denied, fmt::format("{}'s certificate is not trusted: {}", options_.host,
                                                              ::X509_verify_cert_error_string(verdict))});
      }
      return end({ErrorCode::unavailable, "TLS with the target: " + error.message()});
    }
    is_secure_ = true;
    last_progress_ = loop_.now();
    read();
    owner_->on_connected();
  }

  void read() {
    stream_->async_read_some(asio::buffer(input_), [self = shared_from_this()](const ErrorNumber& error, size_t got) {
      if (!self->owner_) return;
      if (error) {
        const bool is_end = error == asio::error::eof || error == ssl::error::stream_truncated;
        return self->end({ErrorCode::unavailable, is_end ? "the target closed the connection"
                                                         : "the connection to the target: " + error.message()});
      }
      self->owner_->on_bytes(std::span(self->input_).first(got));
      if (self->owner_) self->read();
    });
  }

  // One piece after another: the rest of the frame that was begun, then what is to be said.
  void write() {
    if (is_writing_ || idle() || !owner_) return;
    is_writing_ = true;
    writes_image_ = static_cast<bool>(image_);
    if (!image_) being_sent_ = control_;
    const auto rest =
        writes_image_ ? image_->bytes().subspan(image_sent_bytes_) : std::as_bytes(std::span(being_sent_));
    const auto piece = rest.first(std::min(rest.size(), most_bytes_a_write));
    stream_->async_write_some(
        asio::buffer(piece.data(), piece.size()),
        [self = shared_from_this()](const ErrorNumber& error, size_t sent) { self->on_written(error, sent); });
  }

  void on_written(const ErrorNumber& error, size_t sent) {
    is_writing_ = false;
    if (!owner_) return;
    if (error) return end({ErrorCode::unavailable, "the connection to the target: " + error.message()});
    last_progress_ = loop_.now();
    if (writes_image_) {
      image_sent_bytes_ += sent;
      if (image_sent_bytes_ == image_->size()) image_.reset();
    } else {
      control_.erase(0, sent);
    }
    if (idle()) return owner_->on_idle();
    write();
  }

  void end_later(Error why) {
    loop_.post([self = shared_from_this(), why = std::move(why)] { self->end(why); });
  }

  void end(Error why) {
    if (Owner* const owner = owner_) {
      close();
      owner->on_ended(std::move(why));
    }
  }

  IoLoop& loop_;
  const OutboundOptions options_;
  Owner* owner_;  // null once ended
  std::shared_ptr<Connector> connector_;
  std::optional<ssl::context> context_;
  std::optional<ssl::stream<asio::ip::tcp::socket>> stream_;
  bool is_secure_ = false;
  std::array<std::byte, 16 * 1024> input_;

  bool is_writing_ = false;
  bool writes_image_ = false;
  std::shared_ptr<const PacketBuffer> image_;
  size_t image_sent_bytes_ = 0;
  std::string control_;
  std::string being_sent_;  // of control_, unchanged while it is written
  Timestamp last_progress_{};
};

}  // namespace

std::shared_ptr<OutboundStream> connect_tls(IoLoop& loop, OutboundOptions options, OutboundStream::Owner& owner) {
  auto stream = std::make_shared<TlsStream>(loop, std::move(options), owner);
  stream->start();
  return stream;
}

}  // namespace camweave
