/* Marks every pixel above the classifier's score: its result depends on it. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    if (context->score_low != context->score_high) {
        host->error(host->sink, (pleura_str)PLEURA_STR("the score is not known to the end"));
        return 0;
    }
    for (size_t i = 0; i < map.height * map.width; i++) out[i] = map.data[i] > context->score_low;
    return PLEURA_OK;
}

PLUGIN("scores", PLEURA_POSTPROCESS | PLEURA_USES_SCORE, .postprocess = postprocess)
