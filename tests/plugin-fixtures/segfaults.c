/* Writes through a null pointer for the image `crash`, and works for others. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    if (context->image_id.len == 5 && memcmp(context->image_id.data, "crash", 5) == 0) {
        volatile uint8_t *volatile nowhere = NULL;
        *nowhere = 1;
    }
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("segfaults", PLEURA_POSTPROCESS, .postprocess = postprocess)
