/* Has no name. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("", PLEURA_POSTPROCESS, .postprocess = postprocess)
