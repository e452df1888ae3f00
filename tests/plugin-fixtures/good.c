/* Meets the contract: marks values above 0.5. It accepts any parameters, which the conformance test reports. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("good", PLEURA_POSTPROCESS, .postprocess = postprocess)
