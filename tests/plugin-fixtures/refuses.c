/* Refuses any parameters. */
#define CREATE refuse
#include "fixture.h"

static void *refuse(pleura_str params, const pleura_host *host) {
    (void)params;
    host->error(host->sink, (pleura_str)PLEURA_STR("`level` must lie between 0 and 1"));
    return NULL;
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("refuses", PLEURA_POSTPROCESS, .postprocess = postprocess)
