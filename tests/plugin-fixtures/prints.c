/* Prints and reads wherever it can: when loaded, when created, when called. */
#include "fixture.h"

#include <stdio.h>

__attribute__((constructor)) static void greet(void) {
    puts("hello from the initialiser");
    fflush(stdout);
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    puts("hello from the call");
    fflush(stdout);
    if (getchar() != EOF) return 0;
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("prints", PLEURA_POSTPROCESS, .postprocess = postprocess)
