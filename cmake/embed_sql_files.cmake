# Run by pharox_embed_sql with -DDIRECTORY, -DNAMESPACE and -DHEADER: writes the header. Statements contain semicolons
# and brackets, so no text goes through a CMake list.
cmake_minimum_required(VERSION 3.25)

set(constants "")
set(entries "")
set(count 0)
file(GLOB files "${DIRECTORY}/*.sql")
list(SORT files)
foreach(file IN LISTS files)
  file(READ "${file}" text)
  string(PREPEND text "\n")
  set(mark "\n-- name: ")
  string(LENGTH "${mark}" mark_length)
  string(FIND "${text}" "${mark}" at)
  while(NOT at EQUAL -1)
    math(EXPR at "${at} + ${mark_length}")
    string(SUBSTRING "${text}" ${at} -1 text)
    string(FIND "${text}" "\n" end)
    string(SUBSTRING "${text}" 0 ${end} name)
    if(NOT name MATCHES "^[a-z][a-z0-9_]*$")
      message(FATAL_ERROR "${file}: \"${name}\" is no name of a statement")
    endif()
    if(DEFINED line_of_${name})
      message(FATAL_ERROR "${file}: a second statement is named ${name}")
    endif()
    set(line_of_${name} TRUE)
    string(SUBSTRING "${text}" ${end} -1 text)
    string(FIND "${text}" "${mark}" at)
    string(SUBSTRING "${text}" 0 ${at} statement)
    string(REGEX REPLACE "\n[ \t]*--[^\n]*" "" statement "${statement}")
    string(STRIP "${statement}" statement)
    string(REGEX REPLACE "[ \t\n]*;$" "" statement "${statement}")
    if(statement STREQUAL "")
      message(FATAL_ERROR "${file}: ${name} has no text")
    endif()
    if(statement MATCHES ";")
      message(FATAL_ERROR "${file}: ${name} is more than one statement")
    endif()
    string(APPEND constants "inline constexpr std::string_view ${name} = R\"sql(${statement})sql\";\n")
    string(APPEND entries "    NamedStatement{.name = \"${name}\", .text = ${name}},\n")
    math(EXPR count "${count} + 1")
  endwhile()
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "${DIRECTORY} has no statements")
endif()

file(
  WRITE "${HEADER}.new"
  "// Generated from *.sql by cmake/embed_sql_files.cmake.
#pragma once

#include <array>
#include <string_view>

namespace ${NAMESPACE} {

struct NamedStatement {
    std::string_view name;
    std::string_view text;
};

${constants}
/// In the order of the files' names.
inline constexpr std::array all{
${entries}};

}  // namespace ${NAMESPACE}
")
file(RENAME "${HEADER}.new" "${HEADER}")
