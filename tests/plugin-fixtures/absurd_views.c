/* Makes an empty view, and one too large for any memory. */
#include "fixture.h"

static size_t views(const void *self) {
    (void)self;
    return 2;
}

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)width, (void)host;
    *height = view == 0 ? 0 : (size_t)1 << 40;
    return PLEURA_OK;
}

static uint32_t plane(VIEW_ARGS) {
    UNUSED_VIEW;
    return PLEURA_OK;
}

PLUGIN("absurd-views", PLEURA_TTA, .views = views, .view_size = view_size, .forward = plane, .inverse = plane)
