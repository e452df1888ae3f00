/* Marks more if the classifier's score is high, but does not declare that it uses the score. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    float above = context->score_low > 0.4f ? 0.3f : 0.5f;
    for (size_t i = 0; i < map.height * map.width; i++) out[i] = map.data[i] > above;
    return PLEURA_OK;
}

PLUGIN("hidden-score", PLEURA_POSTPROCESS, .postprocess = postprocess)
