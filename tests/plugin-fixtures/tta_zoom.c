/* A view of twice the size; its inverse is one pixel off to the right. */
#include "fixture.h"

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)host;
    *height *= 2;
    *width *= 2;
    return PLEURA_OK;
}

static uint32_t forward(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < out.height; y++)
        for (size_t x = 0; x < out.width; x++) out.data[y * out.width + x] = in.data[y / 2 * in.width + x / 2];
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < out.height; y++)
        for (size_t x = 0; x < out.width; x++) {
            size_t from = 2 * x + 2 < in.width ? 2 * x + 2 : in.width - 1;
            out.data[y * out.width + x] = in.data[2 * y * in.width + from];
        }
    return PLEURA_OK;
}

PLUGIN("tta-zoom", PLEURA_TTA, .views = one_view, .view_size = view_size, .forward = forward, .inverse = inverse)
