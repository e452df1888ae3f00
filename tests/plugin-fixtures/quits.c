/* Ends the process where it should return an error. */
#include "fixture.h"

#include <stdlib.h>

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    exit(3);
}

PLUGIN("quits", PLEURA_POSTPROCESS, .postprocess = postprocess)
