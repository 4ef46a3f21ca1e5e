# What the build needs from elsewhere.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# nlohmann-json, headers only and private: a CMake package, the PyPI package nlohmann-json, or a download.
find_package(nlohmann_json QUIET)
if(nlohmann_json_FOUND)
  get_target_property(RECURRA_JSON_INCLUDE_DIR nlohmann_json::nlohmann_json INTERFACE_INCLUDE_DIRECTORIES)
else()
  if(NOT RECURRA_JSON_INCLUDE_DIR)
    find_package(Python3 QUIET COMPONENTS Interpreter)
    set(interpreter ${Python_EXECUTABLE} ${Python3_EXECUTABLE})
    if(interpreter)
      list(GET interpreter 0 interpreter)
      execute_process(
        COMMAND ${interpreter} -c "import importlib.util as u; print(u.find_spec('nlohmann_json').submodule_search_locations[0])"
        OUTPUT_VARIABLE package OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    endif()
  endif()
  find_path(RECURRA_JSON_INCLUDE_DIR nlohmann/json.hpp HINTS "${package}/include")
  if(NOT RECURRA_JSON_INCLUDE_DIR)
    include(FetchContent)
    FetchContent_Declare(nlohmann_json URL https://github.com/nlohmann/json/releases/download/v3.12.0/json.tar.xz)
    FetchContent_MakeAvailable(nlohmann_json)
    set(RECURRA_JSON_INCLUDE_DIR ${nlohmann_json_SOURCE_DIR}/include)
  endif()
endif()
