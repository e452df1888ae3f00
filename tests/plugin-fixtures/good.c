/* Keeps the contract: marks what is above 0.5. Takes any parameters, which the conformance test minds. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("good", PLEURA_POSTPROCESS, .postprocess = postprocess)
