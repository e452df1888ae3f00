// graph LIBONNXRUNTIME DEVICE MODEL RUNS [OUT]: opens a model on a device (`cpu`, `cuda`), prints which nodes are not on
// CUDA, runs it on numbers that depend on its inputs' names alone, prints milliseconds a run, and writes all outputs of the
// first run to OUT. GRAPH_THREADS, GRAPH_TF32 and GRAPH_SEARCH (EXHAUSTIVE, HEURISTIC) set what their names say.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ort_api.h"

typedef void *(*Function)();
typedef struct {
    const void *(*get_api)(unsigned);
    const char *(*get_version)(void);
} Base;
typedef struct {
    void *session, *allocator, *binding, *host, *device;
    int is_cuda;
} Graph;

enum { FLOAT = 1, MOST_AXES = 8, MOST_NODES = 100000 };

static void **api;

static void check(void *status, const char *call) {
    if (!status) return;
    printf("FAILED %s: %.600s\n", call, ((const char *(*)(void *))api[GetErrorMessage])(status));
    exit(1);
}
#define CALL(function, ...) check(((Function)api[function])(__VA_ARGS__), #function)

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static void load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library) {
        printf("FAILED %s\n", dlerror());
        exit(1);
    }
    const Base *base = ((const Base *(*)(void))dlsym(library, "OrtGetApiBase"))();
    api = (void **)base->get_api(24);
}

static void open_model(Graph *graph, const char *model) {
    void *env, *options;
    CALL(CreateEnv, 3, "graph", &env);
    CALL(CreateSessionOptions, &options);
    CALL(AddSessionConfigEntry, options, "session.record_ep_graph_assignment_info", "1");
    CALL(DisableMemPattern, options);
    CALL(SetIntraOpNumThreads, options, atoi(setting("GRAPH_THREADS", "0")));
    if (graph->is_cuda) {
        void *cuda;
        const char *keys[] = {"use_tf32", "cudnn_conv_algo_search"};
        const char *values[] = {getenv("GRAPH_TF32") ? "1" : "0", setting("GRAPH_SEARCH", "EXHAUSTIVE")};
        CALL(CreateCUDAProviderOptions, &cuda);
        CALL(UpdateCUDAProviderOptions, cuda, keys, values, (size_t)2);
        CALL(SessionOptionsAppendExecutionProvider_CUDA_V2, options, cuda);
    }
    double start = seconds();
    CALL(CreateSession, env, model, options, &graph->session);
    printf("open_s %.2f\n", seconds() - start);
    CALL(GetAllocatorWithDefaultOptions, &graph->allocator);
    CALL(CreateIoBinding, graph->session, &graph->binding);
    CALL(CreateMemoryInfo, "Cpu", 0, 0, 0, &graph->host);
    if (graph->is_cuda) CALL(CreateMemoryInfo, "Cuda", 0, 0, 0, &graph->device);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void print_placement(const Graph *graph) {
    static const char *elsewhere[MOST_NODES];
    void **subgraphs = NULL;
    size_t subgraph_count = 0, on_cuda = 0, other = 0;
    CALL(Session_GetEpGraphAssignmentInfo, graph->session, &subgraphs, &subgraph_count);
    for (size_t i = 0; i < subgraph_count; i++) {
        const char *provider;
        void **nodes;
        size_t node_count;
        CALL(EpAssignedSubgraph_GetEpName, subgraphs[i], &provider);
        CALL(EpAssignedSubgraph_GetNodes, subgraphs[i], &nodes, &node_count);
        if (!strcmp(provider, "CUDAExecutionProvider")) {
            on_cuda += node_count;
            continue;
        }
        for (size_t k = 0; k < node_count && other < MOST_NODES; k++) {
            CALL(EpAssignedNode_GetOperatorType, nodes[k], &elsewhere[other++]);
        }
    }
    printf("nodes cuda %zu other %zu\n", on_cuda, other);
    if (!graph->is_cuda) return;
    qsort(elsewhere, other, sizeof *elsewhere, by_name);
    for (size_t i = 0, k; i < other; i = k) {
        for (k = i; k < other && !strcmp(elsewhere[k], elsewhere[i]); k++) continue;
        printf("not_on_cuda %s %zu\n", elsewhere[i], k - i);
    }
}

static uint64_t random_state;

static float next_random(void) {
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (random_state >> 40) / 16777216.0f;
}

// Numbers in the range that an input of that name has in training.
static void fill(const char *name, float *numbers, size_t count, const int64_t *shape, size_t rank) {
    random_state = 88172645463325252ull;
    for (const char *c = name; *c; c++) random_state = random_state * 31 + *c;
    for (int i = 0; i < 8; i++) next_random();
    float reach = sqrtf(3.0f / (count / (rank ? shape[0] : 1)));
    for (size_t i = 0; i < count; i++) {
        float r = next_random();
        if (!strncmp(name, "truth", 5)) numbers[i] = r < 0.3f;
        else if (!rank) numbers[i] = !strcmp(name, "lr") ? 1e-3f : 1;
        else if (strstr(name, "noise")) numbers[i] = r;
        else if (!strncmp(name, "weights:", 8) || !strncmp(name, "gradients:", 10)) numbers[i] = (r - 0.5f) * 0.1f;
        else if (!strncmp(name, "moment", 6)) numbers[i] = r * 0.01f;
        else if (rank == 1) numbers[i] = 0.5f + 0.5f * r;
        else if (rank == 4 && shape[2] > 16) numbers[i] = r * 2 - 1;
        else numbers[i] = (r * 2 - 1) * reach;
    }
}

static void bind_inputs(const Graph *graph) {
    size_t count;
    CALL(SessionGetInputCount, graph->session, &count);
    for (size_t i = 0; i < count; i++) {
        char *name;
        void *type_info, *value;
        const void *tensor_info;
        int element;
        size_t rank, total = 1;
        int64_t shape[MOST_AXES];
        float *numbers;
        CALL(SessionGetInputName, graph->session, i, graph->allocator, &name);
        CALL(SessionGetInputTypeInfo, graph->session, i, &type_info);
        CALL(CastTypeInfoToTensorInfo, type_info, &tensor_info);
        CALL(GetTensorElementType, tensor_info, &element);
        CALL(GetDimensionsCount, tensor_info, &rank);
        if (element != FLOAT || rank > MOST_AXES) {
            printf("FAILED input %s of type %d and rank %zu\n", name, element, rank);
            exit(1);
        }
        CALL(GetDimensions, tensor_info, shape, rank);
        for (size_t k = 0; k < rank; k++) {
            if (shape[k] < 1) shape[k] = k ? 1 : 4; // a free axis: a batch of four
            total *= shape[k];
        }
        CALL(CreateTensorAsOrtValue, graph->allocator, shape, rank, FLOAT, &value);
        CALL(GetTensorMutableData, value, (void **)&numbers);
        fill(name, numbers, total, shape, rank);
        CALL(BindInput, graph->binding, name, value);
    }
}

static void bind_outputs(const Graph *graph, int to_host) {
    size_t count;
    CALL(SessionGetOutputCount, graph->session, &count);
    for (size_t i = 0; i < count; i++) {
        char *name;
        CALL(SessionGetOutputName, graph->session, i, graph->allocator, &name);
        CALL(BindOutputToDevice, graph->binding, name, to_host || !graph->is_cuda ? graph->host : graph->device);
    }
}

// For each output a line with its name, a line with its count, and the floats.
static void write_outputs(const Graph *graph, const char *path) {
    FILE *file = fopen(path, "wb");
    void **values;
    size_t count;
    CALL(GetBoundOutputValues, graph->binding, graph->allocator, &values, &count);
    for (size_t i = 0; i < count; i++) {
        char *name;
        void *info;
        size_t total;
        float *numbers;
        CALL(SessionGetOutputName, graph->session, i, graph->allocator, &name);
        CALL(GetTensorTypeAndShape, values[i], &info);
        CALL(GetTensorShapeElementCount, info, &total);
        CALL(GetTensorMutableData, values[i], (void **)&numbers);
        fprintf(file, "%s\n%zu\n", name, total);
        fwrite(numbers, sizeof *numbers, total, file);
        fputc('\n', file);
    }
    fclose(file);
}

static void run(const Graph *graph) { CALL(RunWithBinding, graph->session, NULL, graph->binding); }

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    Graph graph = {.is_cuda = !strncmp(argv[2], "cuda", 4)};
    int runs = atoi(argv[4]);
    const char *out = argc > 5 ? argv[5] : NULL;
    load(argv[1]);
    open_model(&graph, argv[3]);
    print_placement(&graph);
    if (runs) {
        bind_inputs(&graph);
        bind_outputs(&graph, out != NULL);
        double start = seconds();
        run(&graph);
        printf("first_ms %.1f\n", (seconds() - start) * 1e3);
        if (out) write_outputs(&graph, out);
    }
    if (runs > 1) {
        for (int i = 0; i < 2; i++) run(&graph);
        double start = seconds();
        for (int i = 0; i < runs; i++) run(&graph);
        printf("run_ms %.3f\n", (seconds() - start) * 1e3 / runs);
    }
    fflush(stdout);
    _exit(0); // providers may hang while they are unloaded
}
