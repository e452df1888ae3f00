/* A flip whose inverse flips the other axis. */
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
        memcpy(out.data + y * out.width, in.data + (in.height - 1 - y) * in.width, in.width * sizeof *in.data);
    return PLEURA_OK;
}

PLUGIN("tta-axis", PLEURA_TTA, .views = views, .view_size = view_size, .forward = forward, .inverse = inverse)
