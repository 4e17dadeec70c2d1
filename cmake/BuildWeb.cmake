# Builds web/dist: cmake -DWEB=… -DNPM=… -DSTAMP=… -P BuildWeb.cmake. A failure (no network for `npm ci`) is a warning: the
# server then carries the page of the last build, or none.
execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../scripts/npm_ci ${WEB} RESULT_VARIABLE failed)
if(NOT failed)
  execute_process(COMMAND ${NPM} run --silent build WORKING_DIRECTORY ${WEB} RESULT_VARIABLE failed)
endif()
if(failed)
  message(WARNING "The web page could not be built (npm: ${failed}): the server goes without this version of it")
endif()
file(TOUCH ${STAMP})
