/* Has a symbol for others; they see it if the library is loaded with `global_symbols`. */
#include "fixture.h"

int pleura_fixture_answer(void) { return 42; }

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    return PLEURA_OK;
}

PLUGIN("provides-symbol", PLEURA_POSTPROCESS, .postprocess = postprocess)
