/* Does not return PLEURA_OK, and gives no message. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return 0;
}

PLUGIN("silent", PLEURA_POSTPROCESS, .postprocess = postprocess)
