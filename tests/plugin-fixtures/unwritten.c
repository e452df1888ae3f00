/* Does not write the last row. */
#include "fixture.h"

static uint32_t prepare(PREPARE_ARGS) {
    UNUSED_PREPARE;
    image.height -= 1;
    copy(image, out);
    return PLEURA_OK;
}

PLUGIN("unwritten", PLEURA_PREPARE, .prepare = prepare)
