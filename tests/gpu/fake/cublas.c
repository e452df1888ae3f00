// cuBLAS whose products compute nothing.
#include <stddef.h>

static char handle[64];

int cublasCreate_v2(void **created) {
    *created = handle;
    return 0;
}

int cublasGetMathMode(void *of, int *mode) {
    *mode = 0;
    return 0;
}

const char *cublasGetStatusName(int status) { return "status"; }

const char *cublasGetStatusString(int status) { return "status"; }
