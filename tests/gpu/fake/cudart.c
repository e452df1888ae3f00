// The runtime library of a fake CUDA 13: the device's memory is the host's, and kernels do nothing.
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101 };

static __thread int last_error;

static int fail(int error) {
    last_error = error;
    return error;
}

int cudaGetLastError(void) {
    int error = last_error;
    last_error = SUCCESS;
    return error;
}

int cudaPeekAtLastError(void) { return last_error; }

const char *cudaGetErrorString(int error) {
    switch (error) {
    case SUCCESS: return "no error";
    case OUT_OF_MEMORY: return "out of memory";
    case INVALID_DEVICE: return "invalid device ordinal";
    default: return "unknown error";
    }
}

const char *cudaGetErrorName(int error) {
    switch (error) {
    case SUCCESS: return "cudaSuccess";
    case OUT_OF_MEMORY: return "cudaErrorMemoryAllocation";
    case INVALID_DEVICE: return "cudaErrorInvalidDevice";
    default: return "cudaErrorUnknown";
    }
}

// --- one device, with the properties of a card of compute capability 9.0 ---

// Offsets of fields in CUDA 13's `cudaDeviceProp`, in bytes.
enum {
    NAME = 0,
    TOTAL_MEMORY = 288,
    SHARED_PER_BLOCK = 296,
    REGISTERS_PER_BLOCK = 304,
    WARP_SIZE = 308,
    THREADS_PER_BLOCK = 320,
    BLOCK_DIMENSIONS = 324,
    GRID_DIMENSIONS = 336,
    MAJOR = 360,
    MINOR = 364,
    PROCESSORS = 384,
    CONCURRENT_KERNELS = 560,
    L2_CACHE = 596,
    THREADS_PER_PROCESSOR = 604,
    SHARED_PER_PROCESSOR = 624,
    REGISTERS_PER_PROCESSOR = 632,
    SHARED_PER_BLOCK_OPT_IN = 672,
    PROPERTIES_SIZE = 1008,
};

// The memory of the card: FAKE_GPU_MIB, 8 GiB otherwise.
static size_t total_memory(void) {
    const char *text = getenv("FAKE_GPU_MIB");
    return (text ? strtoull(text, NULL, 10) : 8192ull) << 20;
}

static void set_int(char *properties, int at, int value) { memcpy(properties + at, &value, sizeof value); }

static void set_size(char *properties, int at, size_t value) { memcpy(properties + at, &value, sizeof value); }

int cudaGetDeviceCount(int *count) {
    *count = 1;
    return SUCCESS;
}

int cudaGetDevice(int *device) {
    *device = 0;
    return SUCCESS;
}

int cudaSetDevice(int device) { return device == 0 ? SUCCESS : fail(INVALID_DEVICE); }

int cudaDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cudaRuntimeGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

int cudaGetDeviceProperties(char *properties, int device) {
    if (device != 0) return fail(INVALID_DEVICE);
    memset(properties, 0, PROPERTIES_SIZE);
    strcpy(properties + NAME, "make-believe GPU");
    set_size(properties, TOTAL_MEMORY, total_memory());
    set_size(properties, SHARED_PER_BLOCK, 48 << 10);
    set_int(properties, REGISTERS_PER_BLOCK, 65536);
    set_int(properties, WARP_SIZE, 32);
    set_int(properties, THREADS_PER_BLOCK, 1024);
    for (int axis = 0; axis < 3; axis++) {
        set_int(properties, BLOCK_DIMENSIONS + 4 * axis, axis < 2 ? 1024 : 64);
        set_int(properties, GRID_DIMENSIONS + 4 * axis, axis < 1 ? 2147483647 : 65535);
    }
    set_int(properties, MAJOR, 9);
    set_int(properties, MINOR, 0);
    set_int(properties, PROCESSORS, 132);
    set_int(properties, CONCURRENT_KERNELS, 1);
    set_int(properties, L2_CACHE, 50 << 20);
    set_int(properties, THREADS_PER_PROCESSOR, 2048);
    set_size(properties, SHARED_PER_PROCESSOR, 228 << 10);
    set_int(properties, REGISTERS_PER_PROCESSOR, 65536);
    set_size(properties, SHARED_PER_BLOCK_OPT_IN, 227 << 10);
    return SUCCESS;
}

// `attribute` counts as `cudaDeviceAttr` does.
int cudaDeviceGetAttribute(int *value, int attribute, int device) {
    if (device != 0) return fail(INVALID_DEVICE);
    switch (attribute) {
    case 1: case 2: case 3: *value = 1024; break;  // threads per block; block's width, height
    case 4: *value = 64; break;                    // block's depth
    case 5: *value = 2147483647; break;            // grid's width
    case 6: case 7: *value = 65535; break;         // grid's height, depth
    case 8: *value = 48 << 10; break;              // shared memory per block
    case 10: *value = 32; break;                   // threads per warp
    case 16: *value = 132; break;                  // processors
    case 39: *value = 2048; break;                 // threads per processor
    case 75: *value = 9; break;                    // compute capability, major
    case 81: *value = 228 << 10; break;            // shared memory per processor
    case 97: *value = 227 << 10; break;            // shared memory per block, opt-in
    default: *value = 0;
    }
    return SUCCESS;
}

// --- memory ---

static pthread_mutex_t memory = PTHREAD_MUTEX_INITIALIZER;
static size_t used_memory;

int cudaMalloc(void **block, size_t bytes) {
    *block = NULL;
    pthread_mutex_lock(&memory);
    int failed = used_memory + bytes > total_memory() || posix_memalign(block, 256, bytes ? bytes : 1);
    if (!failed) used_memory += malloc_usable_size(*block);
    pthread_mutex_unlock(&memory);
    if (!failed) memset(*block, 0, bytes); // what no kernel writes is the same in every run
    return failed ? fail(OUT_OF_MEMORY) : SUCCESS;
}

int cudaFree(void *block) {
    if (!block) return SUCCESS;
    pthread_mutex_lock(&memory);
    used_memory -= malloc_usable_size(block);
    pthread_mutex_unlock(&memory);
    free(block);
    return SUCCESS;
}

int cudaMallocFromPoolAsync(void **block, size_t bytes, void *pool, void *stream) { return cudaMalloc(block, bytes); }

int cudaFreeAsync(void *block, void *stream) { return cudaFree(block); }

int cudaMallocHost(void **block, size_t bytes) {
    return posix_memalign(block, 256, bytes ? bytes : 1) ? fail(OUT_OF_MEMORY) : SUCCESS;
}

int cudaHostAlloc(void **block, size_t bytes, unsigned flags) { return cudaMallocHost(block, bytes); }

int cudaFreeHost(void *block) {
    free(block);
    return SUCCESS;
}

int cudaMemGetInfo(size_t *available, size_t *total) {
    *total = total_memory();
    pthread_mutex_lock(&memory);
    *available = *total - used_memory;
    pthread_mutex_unlock(&memory);
    return SUCCESS;
}

int cudaMemcpy(void *to, const void *from, size_t bytes, int kind) {
    memmove(to, from, bytes);
    return SUCCESS;
}

int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, void *stream) {
    return cudaMemcpy(to, from, bytes, kind);
}

int cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height,
                      int kind, void *stream) {
    for (size_t row = 0; row < height; row++) memmove((char *)to + row * to_pitch, (const char *)from + row * from_pitch, width);
    return SUCCESS;
}

int cudaMemcpyFromSymbol(void *to, const void *symbol, size_t bytes, size_t offset, int kind) {
    memset(to, 0, bytes);
    return SUCCESS;
}

int cudaMemset(void *block, int value, size_t bytes) {
    memset(block, value, bytes);
    return SUCCESS;
}

int cudaMemsetAsync(void *block, int value, size_t bytes, void *stream) { return cudaMemset(block, value, bytes); }

int cudaMemPoolGetAttribute(void *pool, int attribute, uint64_t *value) {
    *value = 0;
    return SUCCESS;
}

// --- handles, which point here and hold nothing ---

static char handle[64];

int cudaMemPoolCreate(void **pool, const void *properties) {
    *pool = handle;
    return SUCCESS;
}

int cudaStreamCreate(void **stream) {
    *stream = handle;
    return SUCCESS;
}

int cudaStreamCreateWithFlags(void **stream, unsigned flags) { return cudaStreamCreate(stream); }

int cudaEventCreate(void **event) {
    *event = handle;
    return SUCCESS;
}

int cudaEventCreateWithFlags(void **event, unsigned flags) { return cudaEventCreate(event); }

int cudaEventElapsedTime(float *milliseconds, void *start, void *end) {
    *milliseconds = 1;
    return SUCCESS;
}

int cudaStreamIsCapturing(void *stream, int *status) {
    *status = 0;
    return SUCCESS;
}

// --- kernels ---

int cudaLaunchHostFunc(void *stream, void (*function)(void *), void *argument) {
    function(argument);
    return SUCCESS;
}

// The fields by their place in `cudaFuncAttributes`.
int cudaFuncGetAttributes(int *attributes, const void *function) {
    memset(attributes, 0, 64);
    attributes[6] = 1024;                // threads per block
    attributes[8] = attributes[9] = 90; // PTX and binary version
    return SUCCESS;
}

int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function, int threads,
                                                           size_t shared, unsigned flags) {
    *blocks = 1;
    return SUCCESS;
}

int cudaGetDriverEntryPointByVersion(const char *name, void **function, unsigned version, unsigned long long flags,
                                     int *status) {
    *function = NULL;
    if (status) *status = 1; // not found
    return SUCCESS;
}

void **__cudaRegisterFatBinary(void *binary) {
    static void *registered[1];
    return registered;
}

int __cudaGetKernel(void **kernel, const void *function) {
    *kernel = (void *)function;
    return SUCCESS;
}

int __cudaPopCallConfiguration(void *grid, void *block, size_t *shared, void **stream) {
    memset(grid, 0, 12);
    memset(block, 0, 12);
    *shared = 0;
    *stream = NULL;
    return SUCCESS;
}
