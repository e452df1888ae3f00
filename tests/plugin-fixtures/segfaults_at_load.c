/* Crashes while being loaded. */
#include "fixture.h"

__attribute__((constructor)) static void crash(void) {
    volatile uint8_t *volatile nowhere = NULL;
    *nowhere = 1;
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("segfaults-at-load", PLEURA_POSTPROCESS, .postprocess = postprocess)
