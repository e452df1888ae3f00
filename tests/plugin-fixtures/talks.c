/* Logs when it is created and when it is called, more than anybody wants to read. */
#include "fixture.h"

static pleura_log host_log;

static void use_log(pleura_log log) { host_log = log; }

static void say(uint32_t level, const char *text) {
    pleura_str message = { text, strlen(text) };
    if (host_log != NULL) host_log(level, message);
}

static void *talk(pleura_str params, const pleura_host *host) {
    say(PLEURA_LOG_INFO, "created");
    return create(params, host);
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    say(PLEURA_LOG_WARN, "nothing\nis above 0.99");
    for (int i = 0; i < 1000; i++) say(PLEURA_LOG_DEBUG, "a detail");
    mark(map, out);
    return PLEURA_OK;
}

#undef CREATE
#define CREATE talk
PLUGIN("talks", PLEURA_POSTPROCESS, .postprocess = postprocess, .use_log = use_log)
