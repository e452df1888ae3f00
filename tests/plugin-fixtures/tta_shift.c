/* A flip whose inverse is one pixel off, the last column twice. */
#include "fixture.h"

static size_t views(const void *self) {
    (void)self;
    return 1;
}

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)height, (void)width, (void)host;
    return PLEURA_OK;
}

static uint32_t forward(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++)
            out.data[y * out.width + x] = in.data[y * in.width + in.width - 1 - x];
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++) {
            size_t from = in.width - 1 - x;
            out.data[y * out.width + x] = in.data[y * in.width + (from > 0 ? from - 1 : 0)];
        }
    return PLEURA_OK;
}

PLUGIN("tta-shift", PLEURA_TTA, .views = views, .view_size = view_size, .forward = forward, .inverse = inverse)
