# Declares a module: its library and its tests.
include(GNUInstallDirs)
find_package(Threads REQUIRED)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(pharox_build_flags INTERFACE)
target_compile_options(
  pharox_build_flags
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
            -Wold-style-cast -Wcast-qual -Wundef $<$<BOOL:${PHAROX_WERROR}>:-Werror>
            # GCC 12 warns about missing members of designated initialisers, which have defaults.
            -Wno-missing-field-initializers
            # GCC 12 reports false overlaps in std::string::insert (its bug 105651).
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(PHAROX_SANITIZE)
  target_compile_options(pharox_build_flags INTERFACE -fsanitize=${PHAROX_SANITIZE} -fno-omit-frame-pointer
                                                      -fno-sanitize-recover=all)
  target_link_options(pharox_build_flags INTERFACE -fsanitize=${PHAROX_SANITIZE})
endif()

# Installed libraries find each other in their own directory.
set(CMAKE_INSTALL_RPATH "$ORIGIN")
if(BUILD_SHARED_LIBS)
  set(pharox_linkage shared)
else()
  set(pharox_linkage static)
endif()

# Under sanitizers, optimising doubles the time to compile. It pays for the libraries, which the tests run most; the
# presets compile everything else with -O0.
add_library(pharox_library_flags INTERFACE)
if(PHAROX_SANITIZE)
  target_compile_options(pharox_library_flags INTERFACE $<$<CONFIG:Debug>:-O1>)
endif()

# pharox_module(NAME core [STATIC] DESCRIPTION text SOURCES … [PUBLIC lib…] [PRIVATE lib…] [PKGCONFIG package…]
# [PKGCONFIG_PRIVATE package…]) creates pharox_<NAME>, alias pharox::<NAME>, with the public headers below
# <current>/include, and pharox-<NAME>.pc, in which pkg-config packages correspond to the targets of PUBLIC and
# PRIVATE.
function(pharox_module)
  cmake_parse_arguments(arg "STATIC" "NAME;DESCRIPTION" "SOURCES;PUBLIC;PRIVATE;PKGCONFIG;PKGCONFIG_PRIVATE" ${ARGN})
  set(target pharox_${arg_NAME})
  if(arg_STATIC)
    set(type STATIC)
  else()
    set(flags $<BUILD_INTERFACE:pharox_library_flags>)
  endif()
  add_library(${target} ${type} ${arg_SOURCES})
  add_library(pharox::${arg_NAME} ALIAS ${target})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp")
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" FILES
                                  ${headers})
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src")
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(
    ${target}
    PUBLIC ${arg_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:pharox_build_flags> ${flags} ${arg_PRIVATE})
  # The shared libraries export only what the public headers declare: these open their namespace with
  # [[gnu::visibility("default")]]. A minor version may change the interface, so it has another soname.
  set_target_properties(
    ${target}
    PROPERTIES EXPORT_NAME ${arg_NAME}
               VERIFY_INTERFACE_HEADER_SETS ON
               CXX_VISIBILITY_PRESET hidden
               DEFINE_SYMBOL ""  # static and shared are compiled alike
               VERSION ${PROJECT_VERSION}
               SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(NOT PHAROX_SANITIZE)  # the sanitizers' runtime is in the program
    target_link_options(${target} PRIVATE $<$<STREQUAL:$<TARGET_PROPERTY:${target},TYPE>,SHARED_LIBRARY>:-Wl,--no-undefined>)
  endif()
  set_property(GLOBAL APPEND PROPERTY PHAROX_MODULES ${arg_NAME})
  install(
    TARGETS ${target}
    EXPORT pharox-${arg_NAME}
    FILE_SET HEADERS
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  pharox_pkgconfig("${arg_NAME}" "${arg_DESCRIPTION}" "${arg_PKGCONFIG}" "${arg_PKGCONFIG_PRIVATE}")
endfunction()

# pharox_pkgconfig(name description requires private): users of a static library also link its dependencies, so all of
# them are public.
function(pharox_pkgconfig name description requires private)
  if(pharox_linkage STREQUAL "static")
    list(APPEND requires ${private})
    set(private "")
  endif()
  list(TRANSFORM requires REPLACE "^(pharox-.*)$" "\\1 = ${PROJECT_VERSION}")
  list(JOIN requires ", " requires)
  list(JOIN private ", " private)
  set(libdir "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
  file(RELATIVE_PATH up "${libdir}" "${CMAKE_INSTALL_PREFIX}")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/pharox.pc.in" "${PROJECT_BINARY_DIR}/pkgconfig/pharox-${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/pkgconfig/pharox-${name}.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

# pharox_test(NAME core_test SOURCES … [LIBRARIES lib…] [TIMEOUT seconds] [LABELS …]) creates a GoogleTest program and
# one CTest entry for each of its cases.
function(pharox_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "SOURCES;LIBRARIES;LABELS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE pharox_build_flags ${arg_LIBRARIES} GTest::gtest_main Threads::Threads)
  target_include_directories(${arg_NAME} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
  gtest_discover_tests(
    ${arg_NAME}
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}")
endfunction()
