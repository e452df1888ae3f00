/* Makes the file that LEAVES_A_TRACE names, as soon as it is loaded. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void loaded(void) {
    const char *path = getenv("LEAVES_A_TRACE");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) fclose(file);
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("leaves-a-trace", PLEURA_POSTPROCESS, .postprocess = postprocess)
