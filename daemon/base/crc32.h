/* CRC-32 (IEEE 802.3, as in zip and PNG).  Pure. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);
