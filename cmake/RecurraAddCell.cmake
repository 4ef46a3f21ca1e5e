# Compiling cells for every instruction set: the library's own kernels, and recurra_add_cell for cells from outside.

# The flags of one kernel object library. No link-time optimisation and hidden symbols: nothing compiled for a wider
# instruction set may be merged into the rest of the program (a test looks at the symbols of all that is listed here).
function(recurra_kernel_options target isa)
  set(march_baseline "")
  set(march_avx2 -march=x86-64-v3)
  set(march_avx512 -march=x86-64-v4)
  set(optimise $<$<NOT:$<CONFIG:Debug>>:-O3>)
  if(RECURRA_SANITIZE)
    set(optimise -Og)  # with -O3 the checks of a cell's kernels compile for minutes
  endif()
  # -Wno-maybe-uninitialized: the compiler does not see that the loops over a cell's gates fill the arrays they read.
  target_compile_options(${target} PRIVATE ${march_${isa}} ${optimise} -fno-math-errno -fno-trapping-math
    -ffp-contract=fast $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_compile_definitions(${target} PRIVATE RECURRA_ISA=${isa})
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON INTERPROCEDURAL_OPTIMIZATION OFF)
  set_property(GLOBAL APPEND PROPERTY RECURRA_KERNEL_TARGETS_${isa} ${target})
endfunction()

# recurra_add_cell(<target> my_cell.h ...)
#
# The header my_cell.h defines the cell MyCell in namespace recurra::RECURRA_ISA. It is compiled for every instruction set
# into <target>, and <recurra_cells/my_cell.h> declares recurra::register_my_cell(), to be called before the cell is used.
function(recurra_add_cell target)
  get_target_property(isas recurra::recurra RECURRA_ISAS)
  foreach(header IN LISTS ARGN)
    get_filename_component(path "${header}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    get_filename_component(stem "${header}" NAME_WE)
    string(REPLACE "_" ";" words "${stem}")
    set(cell "")
    foreach(word IN LISTS words)
      string(SUBSTRING "${word}" 0 1 first)
      string(SUBSTRING "${word}" 1 -1 rest)
      string(TOUPPER "${first}" first)
      string(APPEND cell "${first}${rest}")
    endforeach()
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/recurra_add_cell")
    set(functions "")
    set(declarations "")
    foreach(isa baseline avx2 avx512)
      if(NOT isa IN_LIST isas)
        string(APPEND functions ", nullptr")
        continue()
      endif()
      set(source "${folder}/${target}_${stem}_${isa}.cpp")
      file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT
"#include \"@path@\"
#include \"backends/cpu/cell_table.inl\"
namespace recurra {
inline namespace RECURRA_ISA {
void fill_@stem@(CellTable& table) { table = cell_table<@cell@>(); }
}  // namespace RECURRA_ISA
}  // namespace recurra
")
      add_library(${target}_${stem}_${isa} OBJECT "${source}")
      recurra_kernel_options(${target}_${stem}_${isa} ${isa})
      target_link_libraries(${target}_${stem}_${isa} PRIVATE recurra::kernel_headers)
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_${stem}_${isa}>)
      string(APPEND functions ", ${isa}::fill_${stem}")
      string(APPEND declarations "namespace ${isa} {\nvoid fill_${stem}(CellTable&);\n}\n")
    endforeach()
    string(REGEX REPLACE "^, " "" functions "${functions}")
    file(CONFIGURE OUTPUT "${folder}/include/recurra_cells/${stem}.h" @ONLY CONTENT
"// Made by recurra_add_cell.
#pragma once
namespace recurra {
void register_@stem@();
}
")
    file(CONFIGURE OUTPUT "${folder}/${target}_${stem}_register.cpp" @ONLY CONTENT
"#include <recurra/cell_registry.h>
#include <recurra_cells/@stem@.h>
namespace recurra {
@declarations@void register_@stem@() { register_cell({@functions@}); }
}  // namespace recurra
")
    target_sources(${target} PRIVATE "${folder}/${target}_${stem}_register.cpp")
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${folder}/include>)
  endforeach()
endfunction()
