/* States a role and does not fill in its call. */
#include "fixture.h"

PLUGIN("missing-call", PLEURA_POSTPROCESS, .prepare = NULL)
