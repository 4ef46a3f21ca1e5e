// Recurra: recurrent networks, written once, trained and streamed everywhere.
#pragma once

#include "recurra/cell_registry.h"
#include "recurra/diagnosis.h"
#include "recurra/early_stopping.h"
#include "recurra/fit.h"
#include "recurra/initialization.h"
#include "recurra/isa.h"
#include "recurra/layer_spec.h"
#include "recurra/loss.h"
#include "recurra/model_file.h"
#include "recurra/network.h"
#include "recurra/optimizer.h"
#include "recurra/rate_schedule.h"
#include "recurra/runner.h"
#include "recurra/state.h"
#include "recurra/stream.h"
#include "recurra/threads.h"
