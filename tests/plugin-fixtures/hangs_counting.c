/* Never returns its number of views. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <unistd.h>

static size_t views(const void *self) {
    while (self != NULL) usleep(10000);
    return 1;
}

static uint32_t view_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)height, (void)width, (void)host;
    return PLEURA_OK;
}

static uint32_t plane(VIEW_ARGS) {
    UNUSED_VIEW;
    copy(in, out);
    return PLEURA_OK;
}

PLUGIN("hangs-counting", PLEURA_TTA, .views = views, .view_size = view_size, .forward = plane, .inverse = plane)
