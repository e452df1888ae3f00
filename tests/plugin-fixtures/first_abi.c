/* A table of ABI 1.0, which ends before `use_log`: what lies behind it is not the plugin's. */
#include <stddef.h>

#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return PLEURA_OK;
}

static void trap(pleura_log log) {
    (void)log;
    *(volatile int *)16 = 1;
}

TABLE(offsetof(pleura_plugin_table, use_log), 1, "first-abi", PLEURA_POSTPROCESS, .postprocess = postprocess,
      .use_log = trap)
