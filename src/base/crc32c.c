/* crc32c.c — the Castagnoli checksum (polynomial 0x1EDC6F41, reflected), by the processor's own
 * instruction where there is one and else eight bytes at a time from tables ("slicing by 8",
 * Kounavis and Berry 2005). */
#include <pthread.h>
#include <string.h>

#include "base/file.h"

enum { SLICES = 8 };

static uint32_t table[SLICES][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* table[0] advances a byte, table[k] a byte followed by k zero bytes. */
static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        table[0][i] = crc;
    }
    for (int k = 1; k < SLICES; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 255];
}

static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t n)
{
    pthread_once(&once, make_table);
    for (; n >= SLICES; p += SLICES, n -= SLICES) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < SLICES; k++)
            crc ^= table[SLICES - 1 - k][word >> 8 * k & 255];
    }
    for (; n > 0; p++, n--)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 255];
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc_by_instruction(uint32_t crc, const unsigned char *p, size_t n)
{
    uint64_t wide = crc;
    for (; n >= sizeof wide; p += sizeof wide, n -= sizeof wide) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; n > 0; p++, n--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#else
#define crc_by_instruction crc_by_table
static bool has_instruction(void)
{
    return false;
}
#endif

uint32_t oc__crc32c_portable(uint32_t crc, const void *data, size_t n)
{
    return ~crc_by_table(~crc, data, n);
}

uint32_t oc__crc32c(uint32_t crc, const void *data, size_t n)
{
    return has_instruction() ? ~crc_by_instruction(~crc, data, n)
                             : oc__crc32c_portable(crc, data, n);
}
