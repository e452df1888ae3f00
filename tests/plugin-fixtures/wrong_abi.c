/* Has a future ABI. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

TABLE(sizeof(pleura_plugin_table), PLEURA_ABI_MAJOR + 1, "wrong-abi", PLEURA_POSTPROCESS, .postprocess = postprocess)
