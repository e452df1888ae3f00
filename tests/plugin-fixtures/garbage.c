/* Marks with 255, as image editors do. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    memset(out, 255, map.height * map.width);
    return PLEURA_OK;
}

PLUGIN("garbage", PLEURA_POSTPROCESS, .postprocess = postprocess)
