/* Plugins for pleura, in C or in any language with a C interface.
 *
 * Export one function, `pleura_plugin`, that returns a table; fill in the calls
 * of one role. No memory changes owner: the host allocates every buffer, and a
 * call that fails reports why through `host->error` before it returns something
 * other than PLEURA_OK. Calls may come from several threads at once: an instance
 * is read-only after `create`.
 *
 *   cc -std=c11 -O2 -shared -fPIC -I include -o libmine.so mine.c
 */
#ifndef PLEURA_PLUGIN_H
#define PLEURA_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLEURA_ABI_MAJOR 1
#define PLEURA_ABI_MINOR 1

/* What a call returns on success: not 0, so that a plugin that never ran cannot pass for one that did. */
#define PLEURA_OK 0x504C5552u

/* Capabilities: one role, plus PLEURA_USES_SCORE if postprocessing reads the score. */
#define PLEURA_PREPARE 1u
#define PLEURA_TTA 2u
#define PLEURA_POSTPROCESS 4u
#define PLEURA_USES_SCORE 8u

/* Levels of a message: something is wrong, the result may be unexpected, what was done, details for debugging. */
#define PLEURA_LOG_ERROR 1u
#define PLEURA_LOG_WARN 2u
#define PLEURA_LOG_INFO 3u
#define PLEURA_LOG_DEBUG 4u

/* UTF-8, `len` bytes, not terminated, valid during the call. */
typedef struct { const char *data; size_t len; } pleura_str;

/* A text literal as a pleura_str. */
#define PLEURA_STR(text) { (text), sizeof(text) - 1 }

/* Dense rows of `width` floats. Images: grey, 0 to 1, 1 is white. Maps: probabilities, or logits if the
 * manifest resizes logits. */
typedef struct { const float *data; size_t height, width; } pleura_plane;
typedef struct { float *data; size_t height, width; } pleura_plane_mut;

typedef struct {
    void *sink;                                     /* the first argument of `error` */
    void (*error)(void *sink, pleura_str message);  /* why the call fails; copied at once */
} pleura_host;

/* Takes a line for the host's log; any thread may call it, at any time. The text is copied at once. */
typedef void (*pleura_log)(uint32_t level, pleura_str message);

typedef struct {
    uint32_t struct_size;                    /* sizeof(pleura_context) of the host */
    pleura_str image_id;                     /* the id in the submission */
    size_t original_height, original_width;  /* the radiograph as stored */
    float score_low, score_high;             /* bounds of the classifier's score */
    float spacing_row, spacing_column;       /* mm; 0 where unknown */
} pleura_context;

typedef struct {
    uint32_t struct_size;            /* sizeof(pleura_plugin_table) */
    uint16_t abi_major, abi_minor;   /* PLEURA_ABI_MAJOR, PLEURA_ABI_MINOR */
    pleura_str name, version;        /* name: the one in manifests, in kebab-case */
    uint32_t capabilities;

    /* Every role. `params` is a JSON object; returning NULL refuses it. */
    void *(*create)(pleura_str params, const pleura_host *host);
    void (*destroy)(void *self);

    /* PLEURA_PREPARE: writes all of `out`, which has the size of `image`. */
    uint32_t (*prepare)(const void *self, pleura_plane image, pleura_plane_mut out, const pleura_host *host);

    /* PLEURA_TTA: the identity is not among the views. */
    size_t (*views)(const void *self);
    uint32_t (*view_size)(const void *self, size_t view, size_t *height, size_t *width, const pleura_host *host);
    uint32_t (*forward)(const void *self, size_t view, pleura_plane image, pleura_plane_mut out,
                        const pleura_host *host);
    uint32_t (*inverse)(const void *self, size_t view, pleura_plane map, pleura_plane_mut out,
                        const pleura_host *host);

    /* PLEURA_POSTPROCESS: `mask` (NULL for the first step) and `out` (zeroed) hold map.height * map.width
     * bytes, each 0 or 1. */
    uint32_t (*postprocess)(const void *self, const pleura_context *context, pleura_plane map,
                            const uint8_t *mask, uint8_t *out, const pleura_host *host);

    /* Since ABI 1.1, optional: called once, before any other call. */
    void (*use_log)(pleura_log log);
} pleura_plugin_table;

/* The one symbol to export. */
#if defined(_WIN32)
__declspec(dllexport)
#endif
const pleura_plugin_table *pleura_plugin(void);

#ifdef __cplusplus
}
#endif
#endif
