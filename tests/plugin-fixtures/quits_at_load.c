/* Ends the process while being loaded. */
#include "fixture.h"

#include <stdlib.h>

__attribute__((constructor)) static void quit(void) { exit(0); }

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("quits-at-load", PLEURA_POSTPROCESS, .postprocess = postprocess)
