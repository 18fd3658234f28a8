# pharox_embed_sql(target directory [NAMESPACE name])
#   makes the statements of <directory>/*.sql known to the target's sources: `#include "sql_statements.hpp"` gives each
#   as `inline constexpr std::string_view <name>` in namespace pharox::<module>::sql, and all of them as `sql::all`,
#   an array of {name, text}. Generated at build time by CMake alone.
#
# A file holds any number of statements. Each begins with a line `-- name: some_name`; comment lines, which say what it
# answers and what its parameters are, and the closing semicolon are not part of the text. What changes from call to call
# is a slot in braces, which the adapter fills in once for each prepared statement. A test that reads the statements
# adds <target's binary directory>/generated to its includes.
set(pharox_embed_sql_script "${CMAKE_CURRENT_LIST_DIR}/embed_sql_files.cmake")

function(pharox_embed_sql target directory)
  cmake_parse_arguments(arg "" "NAMESPACE" "" ${ARGN})
  if(NOT arg_NAMESPACE)
    string(REGEX REPLACE "^pharox_" "pharox::" arg_NAMESPACE "${target}")
    string(APPEND arg_NAMESPACE "::sql")
  endif()
  cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  file(GLOB files CONFIGURE_DEPENDS "${directory}/*.sql")
  set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/sql_statements.hpp")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" "-DDIRECTORY=${directory}" "-DNAMESPACE=${arg_NAMESPACE}" "-DHEADER=${header}" -P
            "${pharox_embed_sql_script}"
    DEPENDS ${files} "${pharox_embed_sql_script}"
    COMMENT "Embedding the statements of ${target}"
    VERBATIM)
  # Tools that read sources without building them need the headers: target pharox_embedded_sql.
  add_custom_target(${target}_sql DEPENDS "${header}")
  if(NOT TARGET pharox_embedded_sql)
    add_custom_target(pharox_embedded_sql)
  endif()
  add_dependencies(pharox_embedded_sql ${target}_sql)
  add_dependencies(${target} ${target}_sql)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/generated")
endfunction()

# pharox_embed_migrations(target directory)
#   makes the files of <directory>/*.sql known as they are, in the order of their names (0001_….sql): `#include
#   "migration_files.hpp"` gives `migration_files`, an array of std::string_view, in namespace pharox::<module>.
set(pharox_embed_migrations_script "${CMAKE_CURRENT_LIST_DIR}/embed_migration_files.cmake")

function(pharox_embed_migrations target directory)
  string(REGEX REPLACE "^pharox_" "pharox::" namespace "${target}")
  cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  file(GLOB files CONFIGURE_DEPENDS "${directory}/*.sql")
  set(header "${CMAKE_CURRENT_BINARY_DIR}/generated/migration_files.hpp")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" "-DDIRECTORY=${directory}" "-DNAMESPACE=${namespace}" "-DHEADER=${header}" -P
            "${pharox_embed_migrations_script}"
    DEPENDS ${files} "${pharox_embed_migrations_script}"
    COMMENT "Embedding the migrations of ${target}"
    VERBATIM)
  add_custom_target(${target}_migrations DEPENDS "${header}")
  if(NOT TARGET pharox_embedded_sql)
    add_custom_target(pharox_embedded_sql)
  endif()
  add_dependencies(pharox_embedded_sql ${target}_migrations)
  add_dependencies(${target} ${target}_migrations)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/generated")
endfunction()
