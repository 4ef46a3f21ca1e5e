# cmake -DSOURCE=... -DBUILD=... -DWORK=... -DGENERATOR=... -DCOMPILER=... -P install_consumer.cmake
#
# Builds and runs consumer/ against the library of this build, installed; from source as a shared library; and against
# that one, installed.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_and_run_consumer name)
  set(folder "${WORK}/${name}")
  # Fresh, so that no setting of an earlier run is left; ninja finds what it built before.
  file(REMOVE "${folder}/CMakeCache.txt")
  run(${CMAKE_COMMAND} -S "${SOURCE}/tests/cmake/consumer" -B "${folder}" -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
    -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM} -DCMAKE_BUILD_TYPE=Debug ${ARGN})
  run(${CMAKE_COMMAND} --build "${folder}")
  run("${folder}/consumer" "${folder}/model.safetensors")
endfunction()

run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${WORK}/installed")
build_and_run_consumer(from_installed -DCMAKE_PREFIX_PATH=${WORK}/installed)

# One instruction set is enough here, and saves time; the cell is then compiled for that one only.
build_and_run_consumer(from_source -DRECURRA_SOURCE_DIR=${SOURCE} -DRECURRA_JSON_INCLUDE_DIR=${JSON_INCLUDE_DIR}
  -DBUILD_SHARED_LIBS=ON -DRECURRA_INSTALL=ON -DRECURRA_ISAS=baseline)
run(${CMAKE_COMMAND} --install "${WORK}/from_source" --prefix "${WORK}/installed_shared")
build_and_run_consumer(from_installed_shared -DCMAKE_PREFIX_PATH=${WORK}/installed_shared)
