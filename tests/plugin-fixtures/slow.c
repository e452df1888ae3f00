/* Takes 20 ms for an image. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <unistd.h>

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    usleep(20000);
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("slow", PLEURA_POSTPROCESS, .postprocess = postprocess)
