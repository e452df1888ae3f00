/* Declares every role. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("two-roles", PLEURA_POSTPROCESS | PLEURA_PREPARE, .postprocess = postprocess)
