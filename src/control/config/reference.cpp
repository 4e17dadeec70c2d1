// The reference page of the configuration, made from the tables of fields.
#include <fmt/format.h>

#include "control/config/config.h"
#include "control/config/fields.h"

namespace camweave {
namespace {

constexpr std::string_view head = R"(# Configuration

<!-- Made by `camweave check-config --reference`: change the tables in src/control/config/fields.cpp instead. -->

`camweave serve` reads one TOML file: the one that `--config` names, else `./camweave.toml`, else
`/etc/camweave/camweave.toml`. Without a file it takes every camera that it finds, and where it finds none, two moving
test patterns. The server never writes this file.

An unknown key or a bad value is refused with file, line, column and the nearest valid name; `camweave check-config`
checks a file without starting anything. `--set server.http=:5000` and `--set camera.front.fps=15` go over the file.

`SIGHUP` reads the file again. What the tables call *live* takes effect then: cameras that did not change keep streaming.
The rest waits for the next start, and the log says so.

```toml
[server]
http = "0.0.0.0:8000"

[[camera]]
id = "front"
source = "v4l2:/dev/video0"
size = "1280x720"
fps = 30
controls = { exposure_us = 8000, gain = 2.0 }

[[camera]]
id = "test"
source = "pattern:bars"

[publish.cam]
camera = "front"
url = "rtsp://127.0.0.1:8554/cam"
```
)";

template <typename Section>
std::string table_of(std::span<const Field<Section>> fields) {
  const Section defaults;
  std::string text = "| key | type | default | live | meaning |\n|---|---|---|---|---|\n";
  for (const auto& field : fields) {
    const std::string shown = field.show(defaults);
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.key, field.type,
                        shown.empty() ? "" : fmt::format("`{}`", shown), field.reload == Reload::live ? "yes" : "no",
                        field.meaning);
  }
  return text;
}

}  // namespace

std::string configuration_reference() {
  return fmt::format(
      "{}\n## [server]\n\n{}\n## [[camera]]\n\nThe order of the entries is the index in "
      "`/ws/stream/{{index}}`.\n\n{}\n## [publish.NAME]\n\nA camera's pictures are pushed to another RTSP server: "
      "[what happens then](publish.md). `NAME` is 1 to 32 of `a-z`, `0-9`, `_` and `-`.\n\n{}",
      head, table_of(server_fields()), table_of(camera_fields()), table_of(publish_fields()));
}

}  // namespace camweave
