/* Has no views. */
#include "fixture.h"

static size_t views(const void *self) {
    (void)self;
    return 0;
}

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)width, (void)host;
    *height += 0;
    return PLEURA_OK;
}

static uint32_t plane(VIEW_ARGS) {
    UNUSED_VIEW;
    return PLEURA_OK;
}

PLUGIN("no-views", PLEURA_TTA, .views = views, .view_size = view_size, .forward = plane, .inverse = plane)
