/* A flip whose inverse is one pixel off, the last column twice. */
#include "fixture.h"

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++) {
            size_t from = in.width - 1 - x;
            out.data[y * out.width + x] = in.data[y * in.width + (from > 0 ? from - 1 : 0)];
        }
    return PLEURA_OK;
}

PLUGIN("tta-shift", PLEURA_TTA, .views = one_view, .view_size = same_size, .forward = mirror, .inverse = inverse)
