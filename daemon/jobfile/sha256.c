#include "jobfile/sha256.h"

#include <sha2.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t k[64] __attribute__((aligned(16))) = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The two halves of the state are kept as ABEF and CDGH, which is what the instructions take. */
__attribute__((target("sha,ssse3,sse4.1"))) static void blocks(uint32_t state[8], const uint8_t *data, size_t n)
{
        const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        __m128i t = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state[0]), 0xB1),
                cdgh = _mm_shuffle_epi32(_mm_loadu_si128((const void *)&state[4]), 0x1B);
        __m128i abef = _mm_alignr_epi8(t, cdgh, 8);

        cdgh = _mm_blend_epi16(cdgh, t, 0xF0);
        for (; n > 0; n--, data += 64) {
                __m128i abef_before = abef, cdgh_before = cdgh, w[4];

                for (int i = 0; i < 16; i++) {
                        __m128i *now = &w[i % 4], *last = &w[(i + 3) % 4];

                        if (i < 4)
                                *now = _mm_shuffle_epi8(_mm_loadu_si128((const void *)(data + 16 * i)), swap);
                        else /* W[t-16] + s0(W[t-15]), + W[t-7], + s1(W[t-2]) */
                                *now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) % 4]),
                                                                          _mm_alignr_epi8(*last, w[(i + 2) % 4], 4)),
                                                            *last);
                        t = _mm_add_epi32(*now, _mm_load_si128((const void *)&k[4 * i]));
                        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, t);
                        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(t, 0x0E));
                }
                abef = _mm_add_epi32(abef, abef_before);
                cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        t = _mm_shuffle_epi32(abef, 0x1B);
        cdgh = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((void *)&state[0], _mm_blend_epi16(t, cdgh, 0xF0));
        _mm_storeu_si128((void *)&state[4], _mm_alignr_epi8(cdgh, t, 8));
}

static bool have_instructions(void)
{
        static int known; /* 0: not asked yet, 1: no, 2: yes */
        unsigned a, b, c, d;

        if (!known) {
                known = 1;
                if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) && (c & bit_SSSE3) &&
                    __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29))
                        known = 2;
        }
        return known == 2;
}

static void by_instructions(const uint8_t *data, size_t size, uint8_t ret[32])
{
        uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
        size_t whole = size / 64, rest = size % 64, tail = rest < 56 ? 64 : 128;
        uint8_t last[128] = { 0 };

        memcpy(last, data + 64 * whole, rest);
        last[rest] = 0x80;
        for (int i = 0; i < 8; i++)
                last[tail - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
        blocks(state, data, whole);
        blocks(state, last, tail / 64);
        for (int i = 0; i < 8; i++) {
                uint32_t v = __builtin_bswap32(state[i]);

                memcpy(ret + 4 * i, &v, sizeof(v));
        }
}
#endif

void sha256(const void *data, size_t size, uint8_t ret[32])
{
        SHA2_CTX sha;

#if defined(__x86_64__) && defined(__GNUC__)
        if (have_instructions()) {
                by_instructions(data, size, ret);
                return;
        }
#endif
        SHA256Init(&sha);
        SHA256Update(&sha, data, size);
        SHA256Final(ret, &sha);
}
