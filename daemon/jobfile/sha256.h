/* SHA-256 of one text: the processor's own instructions where it has them (a third of the time to load a job goes
 * into its digest otherwise), libmd elsewhere.  Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void sha256(const void *data, size_t size, uint8_t ret[32]);
