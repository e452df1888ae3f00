// cuBLASLt whose products compute nothing: every descriptor is the same, and one algorithm fits all.
#include <stdint.h>
#include <string.h>

static char handle[64];

int cublasLtCreate(void **created) {
    *created = handle;
    return 0;
}

int cublasLtMatmulDescCreate(void **created, int compute, int scale) { return cublasLtCreate(created); }

int cublasLtMatmulPreferenceCreate(void **created) { return cublasLtCreate(created); }

int cublasLtMatrixTransformDescCreate(void **created, int scale) { return cublasLtCreate(created); }

int cublasLtMatrixLayoutCreate(void **created, int type, uint64_t rows, uint64_t columns, int64_t stride) {
    return cublasLtCreate(created);
}

int cublasLtMatmulAlgoGetHeuristic(void *of, void *operation, void *a, void *b, void *c, void *d, void *preference,
                                   int wanted, void *results, int *found) {
    memset(results, 0, 64);
    *found = 1;
    return 0;
}
