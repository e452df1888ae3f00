// cuDNN whose operations compute nothing: descriptors are empty blocks, workspaces have no size, one algorithm fits all.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char handle[64];

int cudnnCreate(void **created) {
    *created = handle;
    return 0;
}

size_t cudnnGetVersion(void) { return 92000; }

const char *cudnnGetErrorString(int status) { return "status"; }

void cudnnGetLastErrorString(char *text, size_t size) {
    if (size) *text = '\0';
}

int cudnnGetStream(void *of, void **stream) {
    *stream = NULL;
    return 0;
}

#define DESCRIPTOR(name)                                                                                                 \
    int cudnnCreate##name(void **created) {                                                                              \
        *created = calloc(1, 64);                                                                                        \
        return 0;                                                                                                        \
    }                                                                                                                    \
    int cudnnDestroy##name(void *created) {                                                                              \
        free(created);                                                                                                   \
        return 0;                                                                                                        \
    }
DESCRIPTOR(ActivationDescriptor)
DESCRIPTOR(ConvolutionDescriptor)
DESCRIPTOR(DropoutDescriptor)
DESCRIPTOR(FilterDescriptor)
DESCRIPTOR(LRNDescriptor)
DESCRIPTOR(PoolingDescriptor)
DESCRIPTOR(RNNDataDescriptor)
DESCRIPTOR(RNNDescriptor)
DESCRIPTOR(ReduceTensorDescriptor)
DESCRIPTOR(TensorDescriptor)

int cudnnDropoutGetStatesSize(void *of, size_t *size) {
    *size = 64;
    return 0;
}

int cudnnGetReductionIndicesSize(void *of, void *operation, void *a, void *b, size_t *size) {
    *size = 0;
    return 0;
}

int cudnnGetReductionWorkspaceSize(void *of, void *operation, void *a, void *b, size_t *size) {
    *size = 0;
    return 0;
}

int cudnnGetConvolutionForwardWorkspaceSize(void *of, void *x, void *w, void *convolution, void *y, int algorithm,
                                            size_t *size) {
    *size = 0;
    return 0;
}

int cudnnGetConvolutionForwardAlgorithm_v7(void *of, void *x, void *w, void *convolution, void *y, int wanted,
                                           int *found, void *results) {
    memset(results, 0, 48);
    *found = 1;
    return 0;
}

int cudnnFindConvolutionForwardAlgorithmEx(void *of, void *x, const void *x_data, void *w, const void *w_data,
                                           void *convolution, void *y, void *y_data, int wanted, int *found,
                                           void *results, void *workspace, size_t size) {
    memset(results, 0, 48);
    *found = 1;
    return 0;
}

// --- the graph API ---

// Attributes and types by cuDNN's numbers.
enum { ENGINE_PLAN_FIRST = 402, ENGINE_PLAN_LAST = 404, HEURISTIC_RESULTS = 202 };
enum { TYPE_INT64 = 3, TYPE_DESCRIPTOR = 15 };

int cudnnBackendCreateDescriptor(int type, void **created) {
    *created = calloc(1, 64);
    return 0;
}

int cudnnBackendDestroyDescriptor(void *created) {
    free(created);
    return 0;
}

// One of everything: a heuristic finds one engine, whose descriptor the caller has made, and every number is 0.
int cudnnBackendGetAttribute(void *of, int name, int type, int64_t wanted, int64_t *count, void *out) {
    int is_descriptor = name == HEURISTIC_RESULTS || type == TYPE_DESCRIPTOR;
    int is_plan = ENGINE_PLAN_FIRST <= name && name <= ENGINE_PLAN_LAST;
    if (!is_descriptor && out && wanted >= 1) {
        if (type == TYPE_INT64 || is_plan) *(int64_t *)out = 0;
        else *(int32_t *)out = 0;
    }
    if (count) *count = is_descriptor || is_plan || wanted == 1;
    return 0;
}
