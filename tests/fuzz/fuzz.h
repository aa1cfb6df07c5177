/* What fuzz targets share.  A target is one function that libFuzzer calls with any bytes; it must neither crash nor
 * hang, and the properties that it states with MUST() must hold.  Without libFuzzer main.c calls it, with the corpus.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops here if a property does not hold, in every build. */
#define MUST(cond)                                                                                                     \
        do {                                                                                                           \
                if (!(cond)) {                                                                                         \
                        fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond);                       \
                        abort();                                                                                       \
                }                                                                                                      \
        } while (0)
