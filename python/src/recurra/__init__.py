"""Recurra: recurrent networks, written once, trained and streamed everywhere.

Arrays are C-contiguous and batch first: a sequence is ``(time, features)`` or ``(batch, time, features)``,
with ``lengths=`` for ragged batches.
"""

from recurra import text
from recurra._adaptive_softmax import AdaptiveSoftmax
from recurra._arrays import ConversionWarning
from recurra._automata import FiniteAutomaton
from recurra._brackets import Brackets
from recurra._cells import (
    ELSTM,
    GRU,
    LRU,
    LSTM,
    LSTM1997,
    SLSTM,
    SRU,
    Cell,
    Elman,
    FullyRecurrent,
    IndRNN,
    LeakyElman,
    MinGRU,
    MinLSTM,
    ResidualRNN,
    Stages,
)
from recurra._core import __version__
from recurra._decoded import Decoded
from recurra._diagnosis import Diagnosis
from recurra._draw import draw
from recurra._early_stopping import EarlyStopping
from recurra._encoder_decoder import Attention, EncoderDecoder
from recurra._estimate import Estimate, TrainingMemory, estimate
from recurra._fit import ScheduledSampling, evaluate, fit
from recurra._forest import Forest
from recurra._graphs import GraphData, Graphs
from recurra._history import History
from recurra._initialization import Init
from recurra._isa import available_isas, isa
from recurra._layer import Layer
from recurra._layers import Delay, Dropout, Embedding, Last, Linear, Logistic, Max, Mean, Relu, Tanh
from recurra._losses import MAE, MSE, BinaryCrossEntropy, CrossEntropy, Huber, Loss, SampledSoftmax
from recurra._mealy import MealyMachine
from recurra._memories import NTMMemory, StackMemory
from recurra._network import Network, load
from recurra._node_features import networkx_features
from recurra._online import Online, OnlineReport
from recurra._optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, Updater
from recurra._rate_schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    LinearWarmup,
    RateSchedule,
    ReduceOnPlateau,
    StepDecay,
)
from recurra._rules import BPTT, KFRTRL, RFLO, RTRL, UORO, EProp, OnlineRule, SnAp
from recurra._state import State
from recurra._stream import Stream
from recurra._summary import LayerSummary, Summary
from recurra._threads import num_threads, set_num_threads
from recurra._topology_layers import MLP, ByType, EdgeNet, GraphNet, Readout, Tree
from recurra._turing import Configuration, TuringMachine
from recurra._windows import consecutive_windows, windows
from recurra._wrappers import Bidirectional, Chain, Feedback, Residual, Skip

__all__ = [
    "BPTT",
    "ELSTM",
    "GRU",
    "KFRTRL",
    "LRU",
    "LSTM",
    "LSTM1997",
    "MAE",
    "MLP",
    "MSE",
    "RFLO",
    "RTRL",
    "SGD",
    "SLSTM",
    "SRU",
    "UORO",
    "Adagrad",
    "Adam",
    "AdamW",
    "AdaptiveSoftmax",
    "Attention",
    "Bidirectional",
    "BinaryCrossEntropy",
    "Brackets",
    "ByType",
    "Cell",
    "Chain",
    "Configuration",
    "ConstantRate",
    "ConversionWarning",
    "CosineDecay",
    "CrossEntropy",
    "Decoded",
    "Delay",
    "Diagnosis",
    "Dropout",
    "EProp",
    "EarlyStopping",
    "EdgeNet",
    "Elman",
    "Embedding",
    "EncoderDecoder",
    "Estimate",
    "ExponentialDecay",
    "Feedback",
    "FiniteAutomaton",
    "Forest",
    "FullyRecurrent",
    "GraphData",
    "GraphNet",
    "Graphs",
    "History",
    "Huber",
    "IndRNN",
    "Init",
    "Last",
    "Layer",
    "LayerSummary",
    "LeakyElman",
    "Linear",
    "LinearWarmup",
    "Logistic",
    "Loss",
    "Max",
    "MealyMachine",
    "Mean",
    "MinGRU",
    "MinLSTM",
    "NTMMemory",
    "Network",
    "Online",
    "OnlineReport",
    "OnlineRule",
    "Optimizer",
    "RMSprop",
    "RateSchedule",
    "Readout",
    "ReduceOnPlateau",
    "Relu",
    "Residual",
    "ResidualRNN",
    "SampledSoftmax",
    "ScheduledSampling",
    "Skip",
    "SnAp",
    "StackMemory",
    "Stages",
    "State",
    "StepDecay",
    "Stream",
    "Summary",
    "Tanh",
    "TrainingMemory",
    "Tree",
    "TuringMachine",
    "Updater",
    "__version__",
    "available_isas",
    "consecutive_windows",
    "draw",
    "estimate",
    "evaluate",
    "fit",
    "isa",
    "load",
    "networkx_features",
    "num_threads",
    "set_num_threads",
    "text",
    "windows",
]
