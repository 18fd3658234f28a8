# find_package(pharox COMPONENTS core sqlite …): one export file for each component and linkage, one config for all.
# Static and shared libraries of two builds can be installed in one prefix.
include(CMakePackageConfigHelpers)

set(pharox_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/pharox")
get_property(pharox_modules GLOBAL PROPERTY PHAROX_MODULES)
foreach(module IN LISTS pharox_modules)
  install(
    EXPORT pharox-${module}
    NAMESPACE pharox::
    FILE pharox-${module}-${pharox_linkage}.cmake
    DESTINATION "${pharox_package_dir}")
endforeach()
write_basic_package_version_file("${PROJECT_BINARY_DIR}/pharoxConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/pharoxConfig.cmake" "${PROJECT_BINARY_DIR}/pharoxConfigVersion.cmake"
        DESTINATION "${pharox_package_dir}")
