/* Declares a role without its call. */
#include "fixture.h"

PLUGIN("missing-call", PLEURA_POSTPROCESS, .prepare = NULL)
