/* A quarter turn whose inverse turns back only if height and width differ, not on squares. */
#include "fixture.h"

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)host;
    size_t side = *height;
    *height = *width;
    *width = side;
    return PLEURA_OK;
}

static uint32_t forward(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < out.height; y++)
        for (size_t x = 0; x < out.width; x++)
            out.data[y * out.width + x] = in.data[x * in.width + in.width - 1 - y];
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    if (in.height == out.height) {
        copy(in, out);
        return PLEURA_OK;
    }
    for (size_t y = 0; y < out.height; y++)
        for (size_t x = 0; x < out.width; x++)
            out.data[y * out.width + x] = in.data[(in.height - 1 - x) * in.width + y];
    return PLEURA_OK;
}

PLUGIN("tta-square", PLEURA_TTA, .views = one_view, .view_size = view_size, .forward = forward, .inverse = inverse)
