/* Its result depends on the number of concurrent callers. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <stdatomic.h>
#include <unistd.h>

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    static atomic_int inside;
    mark(map, out);
    int others = atomic_fetch_add(&inside, 1);
    usleep(2000);
    out[0] = others > 0;
    atomic_fetch_sub(&inside, 1);
    return PLEURA_OK;
}

PLUGIN("racy", PLEURA_POSTPROCESS, .postprocess = postprocess)
