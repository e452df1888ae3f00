/* Counts its calls: the same input gives another result. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    static int calls;
    mark(map, out);
    out[0] = calls++ & 1;
    return PLEURA_OK;
}

PLUGIN("forgetful", PLEURA_POSTPROCESS, .postprocess = postprocess)
