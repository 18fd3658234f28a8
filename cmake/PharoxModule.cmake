# One way to declare a room of the house: its library, its tests.
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
            # GCC 12 wants every member of a designated initialiser; members have defaults.
            -Wno-missing-field-initializers
            # GCC 12 sees overlaps in std::string::insert that are not there (its bug 105651).
            $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(PHAROX_SANITIZE)
  target_compile_options(pharox_build_flags INTERFACE -fsanitize=${PHAROX_SANITIZE} -fno-omit-frame-pointer
                                                      -fno-sanitize-recover=all)
  target_link_options(pharox_build_flags INTERFACE -fsanitize=${PHAROX_SANITIZE})
endif()

# pharox_module(NAME core DIRECTORY core SOURCES … [PUBLIC lib…] [PRIVATE lib…])
#   makes pharox_<NAME>, alias pharox::<NAME>, with the public headers below <current>/include.
function(pharox_module)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  set(target pharox_${arg_NAME})
  add_library(${target} ${arg_SOURCES})
  add_library(pharox::${arg_NAME} ALIAS ${target})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp")
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" FILES
                                  ${headers})
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/src")
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(
    ${target}
    PUBLIC ${arg_PUBLIC}
    PRIVATE $<BUILD_INTERFACE:pharox_build_flags> ${arg_PRIVATE})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${arg_NAME} VERIFY_INTERFACE_HEADER_SETS ON)
  set_property(GLOBAL APPEND PROPERTY PHAROX_MODULES ${arg_NAME})
  install(
    TARGETS ${target}
    EXPORT pharox-${arg_NAME}
    FILE_SET HEADERS
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
endfunction()

# pharox_test(NAME core_test SOURCES … [LIBRARIES lib…] [TIMEOUT seconds] [LABELS …])
#   makes a GoogleTest program and one CTest entry for each of its cases.
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
