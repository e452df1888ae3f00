/* Counts the rows from 0 to height, inclusive. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    for (size_t x = 0; x < map.width; x++) out[map.height * map.width + x] = 1;
    return PLEURA_OK;
}

PLUGIN("writes-past", PLEURA_POSTPROCESS, .postprocess = postprocess)
