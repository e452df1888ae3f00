/* Never returns from a black map of 7 x 5 without a mask. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <unistd.h>

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    while (map.height == 7 && map.width == 5 && map.data[34] == 0.0f && mask == NULL) usleep(10000);
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("hangs", PLEURA_POSTPROCESS, .postprocess = postprocess)
