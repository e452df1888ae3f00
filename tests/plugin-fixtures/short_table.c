/* States a table that ends before the calls. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

TABLE(16, PLEURA_ABI_MAJOR, "short-table", PLEURA_POSTPROCESS, .postprocess = postprocess)
