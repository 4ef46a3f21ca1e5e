// The list of the library's cells. A new cell is its header and one word here.
#pragma once

#include "elman.h"
#include "gru.h"
#include "lstm.h"

#define RECURRA_CELLS(X) X(Elman<Tanh>) X(Elman<Relu>) X(Elman<Logistic>) X(Lstm) X(Gru)
