/* Is created only if the symbol of `provides_symbol.c` is visible, as Python's are to its extension modules. */
#define _GNU_SOURCE
#define CREATE look
#include "fixture.h"

#include <dlfcn.h>

static void *look(pleura_str params, const pleura_host *host) {
    if (dlsym(RTLD_DEFAULT, "pleura_fixture_answer") != NULL) return create(params, host);
    host->error(host->sink, (pleura_str)PLEURA_STR("sees no symbol"));
    return NULL;
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("needs-symbol", PLEURA_POSTPROCESS, .postprocess = postprocess)
