# Every library that the build knows, by its Debian 12 package. Optional ones switch off a driver or a sink.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)                              # libboost1.81-dev; Debian 13: libboost1.83-dev (headers only)
find_package(OpenSSL 3 REQUIRED)                               # libssl-dev
find_package(fmt REQUIRED)                                     # libfmt-dev
find_package(nlohmann_json 3 REQUIRED)                         # nlohmann-json3-dev
find_package(CLI11 REQUIRED)                                   # libcli11-dev
find_package(tomlplusplus REQUIRED)                            # libtomlplusplus-dev
find_package(prometheus-cpp REQUIRED COMPONENTS core)          # prometheus-cpp-dev
find_package(ZLIB REQUIRED)                                    # zlib1g-dev
pkg_check_modules(turbojpeg REQUIRED IMPORTED_TARGET libturbojpeg) # libturbojpeg0-dev
pkg_check_modules(jpeg REQUIRED IMPORTED_TARGET libjpeg)       # libjpeg62-turbo-dev
pkg_check_modules(avcodec REQUIRED IMPORTED_TARGET libavcodec) # libavcodec-dev
pkg_check_modules(avformat REQUIRED IMPORTED_TARGET libavformat libavutil) # libavformat-dev
pkg_check_modules(swscale REQUIRED IMPORTED_TARGET libswscale) # libswscale-dev
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd) # libsystemd-dev
find_library(YUV_LIBRARY yuv REQUIRED)                         # libyuv-dev
find_path(YUV_INCLUDE libyuv.h REQUIRED)
if(NOT TARGET libyuv::yuv)
  add_library(libyuv::yuv UNKNOWN IMPORTED)
  set_target_properties(libyuv::yuv PROPERTIES IMPORTED_LOCATION ${YUV_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${YUV_INCLUDE})
endif()
pkg_check_modules(libcamera IMPORTED_TARGET libcamera)         # libcamera-dev; without it: no driver libcamera
if(CAMWEAVE_TESTS)
  find_package(GTest REQUIRED)                                 # libgtest-dev libgmock-dev
endif()

# Boost.Asio and Beast, header only, with a precompiled header that their users share.
add_library(camweave_boost INTERFACE)
target_link_libraries(camweave_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(camweave_boost INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_CONCEPTS=0)
