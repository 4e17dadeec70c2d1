# One CMake target per source folder: camweave_folder(NAME [DEPENDS target…]) in a folder's CMakeLists.txt makes
# the static library camweave_NAME of its *.cpp and, of its *_test.cpp, the test program NAME_test.
# camweave_program(NAME SOURCES … DEPENDS …) makes one of the installed programs; the target `programs` builds them all.

set(CAMWEAVE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")

add_library(camweave_options INTERFACE)
target_compile_features(camweave_options INTERFACE cxx_std_20)
target_compile_options(camweave_options INTERFACE
  -Wall -Wextra -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -fno-omit-frame-pointer -g1)
target_include_directories(camweave_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(camweave_options INTERFACE CAMWEAVE_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(camweave_options INTERFACE -Wthread-safety)
endif()
if(CAMWEAVE_SANITIZE)
  target_compile_options(camweave_options INTERFACE -fsanitize=${CAMWEAVE_SANITIZE} -fno-sanitize-recover=undefined)
  target_link_options(camweave_options INTERFACE -fsanitize=${CAMWEAVE_SANITIZE})
  target_compile_definitions(camweave_options INTERFACE CAMWEAVE_SANITIZED=1)
endif()
if(CAMWEAVE_FUZZ)
  target_compile_options(camweave_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  # ccache can only keep objects built with a precompiled header when told to overlook its time stamp.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

function(camweave_folder NAME)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$|/main\\.cpp$")
  if(sources)
    add_library(camweave_${NAME} STATIC ${sources})
    target_link_libraries(camweave_${NAME} PUBLIC camweave_options ${ARG_DEPENDS})
  else()
    add_library(camweave_${NAME} INTERFACE)
    target_link_libraries(camweave_${NAME} INTERFACE camweave_options ${ARG_DEPENDS})
  endif()
  if(tests AND CAMWEAVE_TESTS)
    add_executable(${NAME}_test ${tests})
    target_link_libraries(${NAME}_test PRIVATE camweave_${NAME} ${ARG_TEST_DEPENDS} GTest::gmock GTest::gtest_main)
    set_target_properties(${NAME}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME unit.${NAME} COMMAND ${NAME}_test)
  endif()
endfunction()

add_custom_target(programs)

function(camweave_program NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE camweave_options ${ARG_DEPENDS})
  add_dependencies(programs ${NAME})
  install(TARGETS ${NAME} RUNTIME DESTINATION bin)
endfunction()
