# cmake -DNM=... -DREADELF=... -P kernel_symbols.cmake <list>
#
# The list has a line "<instruction set> <object file>" per kernel object. Code for a wide instruction set must not reach
# the rest of the program, so whatever the linker can see of an object carries the name of its instruction set; an object
# needs nothing from elsewhere but memory and mathematics functions of C and the record of what the processor can do, and
# runs nothing before main.
math(EXPR last "${CMAKE_ARGC} - 1")
file(STRINGS "${CMAKE_ARGV${last}}" objects)
if(NOT objects)
  message(FATAL_ERROR "kernel_symbols: ${CMAKE_ARGV${last}} names no objects")
endif()

set(allowed "^(memcpy|memset|memmove|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__cpu_(model|features2)|(exp|log|tanh|sqrt|sin|cos|sincos)f?)$")
set(problems "")
foreach(line IN LISTS objects)
  string(REGEX MATCH "^([^ ]+) (.+)$" line "${line}")
  set(isa "${CMAKE_MATCH_1}")
  set(object "${CMAKE_MATCH_2}")
  get_filename_component(name "${object}" NAME)

  execute_process(COMMAND ${NM} -C "${object}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][;]" "_" symbols "${symbols}")  # characters that CMake's lists take for their own
  string(REGEX REPLACE "\n$" "" symbols "${symbols}")
  string(REPLACE "\n" ";" symbols "${symbols}")
  if(NOT symbols MATCHES "recurra::${isa}::")
    string(APPEND problems "${name} defines nothing of ${isa}\n")
  endif()
  foreach(symbol IN LISTS symbols)
    string(REGEX MATCH "^[0-9a-f ]+ ([A-Za-z]) (.*)$" symbol "${symbol}")
    set(type "${CMAKE_MATCH_1}")
    set(symbol "${CMAKE_MATCH_2}")
    if(type MATCHES "^[Uvw]$")
      if(NOT symbol MATCHES "${allowed}" AND NOT symbol MATCHES "^recurra::${isa}::add_cells_")
        string(APPEND problems "${name} needs ${symbol}\n")
      endif()
    elseif(type MATCHES "^[A-Zu]$" AND NOT symbol MATCHES "recurra::${isa}::")
      string(APPEND problems "${name} defines ${symbol} (${type}), which does not carry ${isa}\n")
    endif()
  endforeach()

  execute_process(COMMAND ${READELF} --sections --wide "${object}" OUTPUT_VARIABLE sections COMMAND_ERROR_IS_FATAL ANY)
  if(sections MATCHES " \\.(init_array|ctors|preinit_array)")
    string(APPEND problems "${name} has a static initialiser\n")
  endif()
endforeach()

if(problems)
  message("${problems}")
  message(FATAL_ERROR "kernel_symbols: the objects above would leak into the rest of the program")
endif()
list(LENGTH objects count)
message(STATUS "${count} kernel objects are clean")
