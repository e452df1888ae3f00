/* Returns a result and crashes a moment later, as in a thread of its own. */
#define _DEFAULT_SOURCE
#include "fixture.h"

#include <signal.h>
#include <unistd.h>

static uint32_t postprocess(POSTPROCESS_ARGS) {
    UNUSED_POSTPROCESS;
    mark(map, out);
    if (fork() == 0) {
        /* late enough that the result has been read on a busy machine */
        sleep(1);
        kill(getppid(), SIGKILL);
        _exit(0);
    }
    return PLEURA_OK;
}

PLUGIN("dies-later", PLEURA_POSTPROCESS, .postprocess = postprocess)
