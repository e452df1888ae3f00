/* A flip whose inverse takes pixels in pairs, and leaves the last of an odd row as it is in the view. */
#include "fixture.h"

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    size_t even = in.width & ~(size_t)1;
    copy(in, out);
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < even; x++)
            out.data[y * out.width + x] = in.data[y * in.width + in.width - 1 - x];
    return PLEURA_OK;
}

PLUGIN("tta-border", PLEURA_TTA, .views = one_view, .view_size = same_size, .forward = mirror, .inverse = inverse)
