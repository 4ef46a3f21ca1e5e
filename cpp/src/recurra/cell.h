// What a cell outside the library includes: the contract and the elementary functions.
#pragma once

#include "../cells/cell.h"
