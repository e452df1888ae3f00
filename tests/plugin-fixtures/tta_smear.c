/* A view blurred along rows to hide a shift: lossy, and off by three pixels on the way back. */
#include "fixture.h"

static float mean(const float *row, size_t width, size_t x) {
    size_t left = x > 0 ? x - 1 : 0, right = x + 1 < width ? x + 1 : x;
    return (row[left] + row[x] + row[right]) / 3.0f;
}

static uint32_t forward(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++)
            out.data[y * out.width + x] = mean(in.data + y * in.width, in.width, in.width - 1 - x);
    return PLEURA_OK;
}

static uint32_t inverse(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++) {
            size_t from = in.width - 1 - x;
            out.data[y * out.width + x] = in.data[y * in.width + (from > 2 ? from - 3 : 0)];
        }
    return PLEURA_OK;
}

PLUGIN("tta-smear", PLEURA_TTA, .views = one_view, .view_size = same_size, .forward = forward, .inverse = inverse)
