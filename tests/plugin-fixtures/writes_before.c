/* Starts a pixel early. */
#include "fixture.h"

static uint32_t prepare(PREPARE_ARGS) {
    UNUSED_PREPARE;
    copy(image, out);
    out.data[-1] = 0.5f;
    return PLEURA_OK;
}

PLUGIN("writes-before", PLEURA_PREPARE, .prepare = prepare)
