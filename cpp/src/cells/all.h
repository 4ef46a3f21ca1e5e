// The list of the library's cells. A new cell is its header and one word here.
#pragma once

#include "e_lstm.h"
#include "elman.h"
#include "gru.h"
#include "gru_before.h"
#include "ind_rnn.h"
#include "leaky_elman.h"
#include "lru.h"
#include "lstm.h"
#include "lstm_1997.h"
#include "lstm_coupled.h"
#include "lstm_no_forget.h"
#include "lstm_peephole.h"
#include "lstm_peephole_previous.h"
#include "min_gru.h"
#include "min_lstm.h"
#include "residual_rnn.h"
#include "s_lstm.h"
#include "sru.h"

#define RECURRA_WITH_ACTIVATIONS(X, Cell) X(Cell<Tanh>) X(Cell<Relu>) X(Cell<Logistic>) X(Cell<Saturated>)

// In groups, each of which is compiled on its own.
#define RECURRA_CELLS_1(X)           \
  RECURRA_WITH_ACTIVATIONS(X, Elman) \
  X(Lstm) X(Gru) X(LstmPeephole) RECURRA_WITH_ACTIVATIONS(X, IndRnn)
#define RECURRA_CELLS_2(X) \
  X(LstmNoForget) X(LstmCoupled) X(LstmCoupledPeephole) X(LstmPeepholePrevious) X(GruBefore) X(MinGru) X(MinLstm)
#define RECURRA_CELLS_3(X)                       \
  RECURRA_WITH_ACTIVATIONS(X, LeakyElman)        \
  RECURRA_WITH_ACTIVATIONS(X, ResidualRecurrent) \
  RECURRA_WITH_ACTIVATIONS(X, ResidualLinear)
#define RECURRA_CELLS_4(X) X(Lstm1997<1>) X(Lstm1997<2>) X(Lstm1997<3>) X(Lstm1997<4>) X(ELstm) X(Sru) X(Lru) X(SLstm)

#define RECURRA_CELLS(X) RECURRA_CELLS_1(X) RECURRA_CELLS_2(X) RECURRA_CELLS_3(X) RECURRA_CELLS_4(X)
