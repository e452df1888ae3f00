/* Treats NaN as marked: not below 0.5. The host must never pass NaN. */
#include "fixture.h"

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    for (size_t i = 0; i < map.height * map.width; i++) out[i] = !(map.data[i] < 0.5f);
    return PLEURA_OK;
}

PLUGIN("takes-nan", PLEURA_POSTPROCESS, .postprocess = postprocess)
