# Installation of the C++ library: find_package(recurra) gives recurra::recurra and recurra_add_cell().
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/recurra)
install(TARGETS recurra recurra_kernel_headers EXPORT recurra_targets)
install(EXPORT recurra_targets NAMESPACE recurra:: DESTINATION ${config_dir})
install(DIRECTORY cpp/include/recurra DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# The headers that cells from outside are compiled with.
install(DIRECTORY cpp/src/recurra cpp/src/cells cpp/src/math DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/recurra/kernels)
install(DIRECTORY cpp/src/backends/cpu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/recurra/kernels/backends FILES_MATCHING PATTERN "*.inl")
install(FILES cpp/src/backends/backend.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/recurra/kernels/backends)

configure_package_config_file(cmake/recurra-config.cmake.in ${PROJECT_BINARY_DIR}/recurra-config.cmake
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/recurra-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/recurra-config.cmake ${PROJECT_BINARY_DIR}/recurra-config-version.cmake
  cmake/RecurraAddCell.cmake DESTINATION ${config_dir})
