# cmake -DPROGRAM=... -DCHECKPOINT=... -P run_twice.cmake: a run from the beginning and one from its checkpoint print the same.
file(REMOVE "${CHECKPOINT}")
foreach(run first second)
  execute_process(COMMAND "${PROGRAM}" "${CHECKPOINT}" OUTPUT_VARIABLE ${run} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
message("${first}")
if(NOT first STREQUAL second)
  message(FATAL_ERROR "from the checkpoint: ${second}")
endif()
