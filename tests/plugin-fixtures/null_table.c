/* Returns a null table. */
#include "fixture.h"

const pleura_plugin_table *pleura_plugin(void) { return NULL; }
