/* Returns intensities from 0 to 255. */
#include "fixture.h"

static uint32_t prepare(PREPARE_ARGS) {
    UNUSED_PREPARE;
    for (size_t i = 0; i < image.height * image.width; i++) out.data[i] = 255 * image.data[i];
    return PLEURA_OK;
}

PLUGIN("out-of-range", PLEURA_PREPARE, .prepare = prepare)
