/* A flip whose inverse flips the other axis. */
#include "fixture.h"

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        memcpy(out.data + y * out.width, in.data + (in.height - 1 - y) * in.width, in.width * sizeof *in.data);
    return PLEURA_OK;
}

PLUGIN("tta-axis", PLEURA_TTA, .views = one_view, .view_size = same_size, .forward = mirror, .inverse = inverse)
