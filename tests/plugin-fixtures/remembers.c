/* Stretches an image by the largest value of the one before. */
#include "fixture.h"

static uint32_t prepare(PREPARE_ARGS) {
    UNUSED_PREPARE;
    static float before = 1.0f;
    static size_t pixels;
    float most = 0.0f;
    for (size_t i = 0; i < image.height * image.width; i++) {
        out.data[i] = image.data[i] * before;
        if (image.data[i] > most) most = image.data[i];
    }
    /* the same image twice gives the same */
    if (pixels != image.height * image.width) before = most > 0.5f ? 1.0f : 0.5f;
    pixels = image.height * image.width;
    return PLEURA_OK;
}

PLUGIN("remembers", PLEURA_PREPARE, .prepare = prepare)
