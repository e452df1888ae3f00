/* One view whose inverse divides by zero. */
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
    copy(in, out);
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    volatile float weight = 0.0f;
    copy(in, out);
    out.data[0] = weight / weight;
    out.data[1] = 1.0f / weight;
    return PLEURA_OK;
}

PLUGIN("returns-nan", PLEURA_TTA, .views = views, .view_size = view_size, .forward = forward, .inverse = inverse)
