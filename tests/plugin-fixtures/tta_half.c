/* Shifts columns by 8, around the border. Its inverse shifts back by 8 for any size of the map, although a map of half
   the size was shifted by 4. */
#include "fixture.h"

static void roll(pleura_plane in, pleura_plane_mut out, size_t by) {
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++) out.data[y * out.width + x] = in.data[y * in.width + (x + by) % in.width];
}

static uint32_t forward(VIEW_ARGS) {
    UNUSED_VIEW;
    roll(in, out, 8 % in.width);
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    roll(in, out, in.width - 8 % in.width);
    return PLEURA_OK;
}

PLUGIN("tta-half", PLEURA_TTA, .views = one_view, .view_size = same_size, .forward = forward, .inverse = inverse)
