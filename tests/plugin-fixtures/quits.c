/* Ends the process instead of returning an error: by `exit(0)`, `exit(3)` or `quick_exit(0)`, or from a thread of its
   own, as the image's name says; with any other name, by `exit(3)`. */
#define _GNU_SOURCE
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static void *quit(void *nothing) {
    (void)nothing;
    exit(0);
}

static int is(const pleura_context *context, const char *name) {
    return context->image_id.len == strlen(name) && memcmp(context->image_id.data, name, strlen(name)) == 0;
}

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    if (is(context, "before") || is(context, "after")) {
        mark(map, out);
        return PLEURA_OK;
    }
    if (is(context, "exit-0")) exit(0);
    if (is(context, "quick-exit-0")) quick_exit(0);
    if (is(context, "abort")) abort();
    if (is(context, "thread")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, quit, NULL) != 0) return 0;
        pthread_join(thread, NULL);
        return 0;
    }
    exit(3);
}

PLUGIN("quits", PLEURA_POSTPROCESS, .postprocess = postprocess)
