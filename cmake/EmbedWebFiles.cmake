# Writes the C++ file that holds every file of web/dist, as it is and gzipped where that is smaller:
# cmake -DDIST=… -DWORK=… -DOUT=… -P EmbedWebFiles.cmake. The bytes come in by the assembler's .incbin; each file's hash
# stands in the text, so that a changed file is a changed source.
file(MAKE_DIRECTORY ${WORK})
set(root ${DIST})
set(built true)
if(NOT EXISTS ${DIST}/index.html)
  set(built false)
  set(root ${WORK}/not_built)
  file(WRITE ${root}/index.html
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Camweave</title>\n"
    "<h1>Camweave is running</h1>\n<p>The web page was not built into this program: install npm (Node 18 or later) and build "
    "again. The cameras are served all the same: <a href=\"/api/v1/cameras\">/api/v1/cameras</a>.</p></html>\n")
endif()

file(GLOB_RECURSE files RELATIVE ${root} ${root}/*)
list(SORT files)
set(symbols "")
set(declarations "")
set(rows "")
set(number 0)
foreach(name IN LISTS files)
  if(name MATCHES "\\.gz$")
    continue()
  endif()
  file(SHA256 ${root}/${name} hash)
  string(SUBSTRING ${hash} 0 16 tag)
  file(SIZE ${root}/${name} raw_bytes)
  set(packed ${WORK}/${number}.gz)
  execute_process(COMMAND gzip -9 -n -c ${root}/${name} OUTPUT_FILE ${packed} RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "gzip ${root}/${name}: ${failed}")
  endif()
  file(SIZE ${packed} packed_bytes)
  math(EXPR worth "${raw_bytes} * 9 / 10")
  string(APPEND symbols "    \"camweave_web_${number}: .incbin \\\"${root}/${name}\\\"\\n\"  // ${tag}\n")
  string(APPEND declarations "extern const std::byte camweave_web_${number}[]; ")
  set(gzip "{}")
  if(packed_bytes LESS worth)
    string(APPEND symbols "    \"camweave_web_${number}_gz: .incbin \\\"${packed}\\\"\\n\"\n")
    string(APPEND declarations "extern const std::byte camweave_web_${number}_gz[];")
    set(gzip "{camweave_web_${number}_gz, ${packed_bytes}}")
  endif()
  string(APPEND declarations "\n")
  string(APPEND rows
    "    StaticFile{\"/${name}\", {camweave_web_${number}, ${raw_bytes}}, ${gzip}, \"\\\"${tag}\\\"\"},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUT}
"// Made by cmake/EmbedWebFiles.cmake.
#include \"net/static_files.h\"

asm(\".section .rodata\\n\"
${symbols}    \".previous\\n\");

extern \"C\" {
${declarations}}

namespace camweave {
namespace {
const StaticFile files[] = {
${rows}};
}  // namespace

std::span<const StaticFile> embedded_web_files() { return files; }
bool has_web_page() { return ${built}; }

}  // namespace camweave
")
