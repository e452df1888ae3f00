/* Its name differs from its file's. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("something-else", PLEURA_POSTPROCESS, .postprocess = postprocess)
