/* Never returns from the image `hang`, nor from a black map of 7 x 5 without a mask; ignores the signal that asks a
 * process to end. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <signal.h>
#include <unistd.h>

static int hangs(const pleura_context *context, pleura_plane map, const uint8_t *mask) {
    if (context->image_id.len == 4 && memcmp(context->image_id.data, "hang", 4) == 0) return 1;
    return map.height == 7 && map.width == 5 && map.data[34] == 0.0f && mask == NULL;
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    signal(SIGALRM, SIG_IGN);
    while (hangs(context, map, mask)) usleep(10000);
    mark(map, out);
    return PLEURA_OK;
}

PLUGIN("hangs", PLEURA_POSTPROCESS, .postprocess = postprocess)
