# Run by pharox_embed_migrations with -DDIRECTORY, -DNAMESPACE and -DHEADER: writes the header.
cmake_minimum_required(VERSION 3.25)

set(entries "")
file(GLOB files "${DIRECTORY}/*.sql")
list(SORT files)
foreach(file IN LISTS files)
  file(READ "${file}" text)
  string(APPEND entries "    std::string_view(R\"sql(${text})sql\"),\n")
endforeach()
if(entries STREQUAL "")
  message(FATAL_ERROR "${DIRECTORY} has no migrations")
endif()

file(
  WRITE "${HEADER}.new"
  "// Generated from *.sql by cmake/embed_migration_files.cmake.
#pragma once

#include <array>
#include <string_view>

namespace ${NAMESPACE} {

/// Number n leads from schema n to n + 1. What was released never changes.
inline constexpr std::array migration_files{
${entries}};

}  // namespace ${NAMESPACE}
")
file(RENAME "${HEADER}.new" "${HEADER}")
