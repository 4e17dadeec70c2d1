# camweave_embed_web(TARGET): a static library that holds the web page (src/net/static_files.h). Built from web/ by npm where
# there is npm, else from a web/dist that is there already, else one page that says that it was not built.

function(camweave_embed_web TARGET)
  set(web ${CMAKE_SOURCE_DIR}/web)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/embedded_web.cpp)
  set(depends ${CMAKE_SOURCE_DIR}/cmake/EmbedWebFiles.cmake)
  find_program(NPM_PROGRAM npm)

  if(EXISTS ${web}/package.json AND NPM_PROGRAM)
    file(GLOB_RECURSE web_sources CONFIGURE_DEPENDS ${web}/src/* ${web}/public/*)
    file(GLOB web_settings CONFIGURE_DEPENDS ${web}/*.json ${web}/*.html ${web}/*.ts ${web}/*.js ${web}/*.mjs)
    set(stamp ${CMAKE_CURRENT_BINARY_DIR}/web_built)
    add_custom_command(OUTPUT ${stamp}
      COMMAND ${CMAKE_COMMAND} -DWEB=${web} -DNPM=${NPM_PROGRAM} -DSTAMP=${stamp} -P ${CMAKE_SOURCE_DIR}/cmake/BuildWeb.cmake
      DEPENDS ${web_sources} ${web_settings} ${CMAKE_SOURCE_DIR}/cmake/BuildWeb.cmake
      COMMENT "Building the web page (npm)" VERBATIM)
    list(APPEND depends ${stamp})
  elseif(EXISTS ${web}/dist/index.html)
    file(GLOB_RECURSE dist_files CONFIGURE_DEPENDS ${web}/dist/*)
    list(APPEND depends ${dist_files})
  elseif(EXISTS ${web}/package.json)
    message(WARNING "npm was not found: the server is built without its web page (Debian: apt-get install npm)")
  endif()

  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DDIST=${web}/dist -DWORK=${CMAKE_CURRENT_BINARY_DIR}/web_files -DOUT=${generated}
            -P ${CMAKE_SOURCE_DIR}/cmake/EmbedWebFiles.cmake
    DEPENDS ${depends} COMMENT "Embedding the web page" VERBATIM)
  add_library(${TARGET} STATIC ${generated})
  target_link_libraries(${TARGET} PUBLIC camweave_net)
endfunction()
