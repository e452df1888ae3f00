/* Shared by the fixtures: an instance without state, and a table of given calls. */
#include <string.h>

#include <pleura_plugin.h>

static inline void *create(pleura_str params, const pleura_host *host) {
    static int instance;
    (void)params, (void)host;
    return &instance;
}

static inline void destroy(void *self) { (void)self; }

#ifndef CREATE
#define CREATE create
#endif

/* TABLE(size, major, name, capabilities, .call = call, ...) */
#define TABLE(SIZE, MAJOR, NAME, CAPABILITIES, ...)                                             \
    const pleura_plugin_table *pleura_plugin(void) {                                            \
        static const pleura_plugin_table table = {                                              \
            .struct_size = (SIZE), .abi_major = (MAJOR), .abi_minor = 0,                        \
            .name = PLEURA_STR(NAME), .version = PLEURA_STR("0.0.1"),                           \
            .capabilities = (CAPABILITIES), .create = CREATE, .destroy = destroy, __VA_ARGS__ };\
        return &table;                                                                          \
    }

#define PLUGIN(NAME, CAPABILITIES, ...) \
    TABLE(sizeof(pleura_plugin_table), PLEURA_ABI_MAJOR, NAME, CAPABILITIES, __VA_ARGS__)

#define POSTPROCESS_ARGS                                                                        \
    const void *self, const pleura_context *context, pleura_plane map, const uint8_t *mask,     \
        uint8_t *out, const pleura_host *host
#define PREPARE_ARGS const void *self, pleura_plane image, pleura_plane_mut out, const pleura_host *host
#define VIEW_ARGS \
    const void *self, size_t view, pleura_plane in, pleura_plane_mut out, const pleura_host *host
#define VIEW_SIZE_ARGS \
    const void *self, size_t view, size_t *height, size_t *width, const pleura_host *host
#define UNUSED_POSTPROCESS (void)self, (void)context, (void)map, (void)mask, (void)out, (void)host
#define UNUSED_PREPARE (void)self, (void)image, (void)out, (void)host
#define UNUSED_VIEW (void)self, (void)view, (void)in, (void)out, (void)host

/* Marks every pixel above 0.5. */
static inline void mark(pleura_plane map, uint8_t *out) {
    for (size_t i = 0; i < map.height * map.width; i++) out[i] = map.data[i] > 0.5f;
}

static inline void copy(pleura_plane in, pleura_plane_mut out) {
    memcpy(out.data, in.data, in.height * in.width * sizeof *in.data);
}

static inline size_t one_view(const void *self) {
    (void)self;
    return 1;
}

static inline uint32_t same_size(VIEW_SIZE_ARGS) {
    (void)self, (void)view, (void)height, (void)width, (void)host;
    return PLEURA_OK;
}

/* Left to right. */
static inline uint32_t mirror(VIEW_ARGS) {
    UNUSED_VIEW;
    for (size_t y = 0; y < in.height; y++)
        for (size_t x = 0; x < in.width; x++)
            out.data[y * out.width + x] = in.data[y * in.width + in.width - 1 - x];
    return PLEURA_OK;
}
