/* Hangs in its creation with the parameters `{"hang":true}`, and when preparing a black image. */
#define _DEFAULT_SOURCE
#define CREATE create_slowly
#include "fixture.h"

#include <unistd.h>

static void *create_slowly(pleura_str params, const pleura_host *host) {
    while (params.len > 2) usleep(10000);
    return create(params, host);
}

static uint32_t prepare(PREPARE_ARGS) {
    UNUSED_PREPARE;
    while (image.data[0] == 0.0f) usleep(10000);
    copy(image, out);
    return PLEURA_OK;
}

PLUGIN("hangs-early", PLEURA_PREPARE, .prepare = prepare)
