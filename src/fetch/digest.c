/* digest.c — checksums of files, through OpenSSL's libcrypto. */
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/library.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/fetch.h"

#define CRYPTO(F)                                                                              \
    F(EVP_, MD_CTX_new) F(EVP_, MD_CTX_free) F(EVP_, get_digestbyname) F(EVP_, DigestInit_ex)  \
    F(EVP_, DigestUpdate) F(EVP_, DigestFinal_ex)
LIBRARY(crypto, SONAME_crypto, "checksums", CRYPTO)

enum { CHUNK = 1 << 20, HEX_MAX = 2 * EVP_MAX_MD_SIZE + 1 };

static oc_status unavailable(const char *path, const char *name)
{
    return oc__fail(OC_EBUG, "%s: libcrypto cannot compute %s", path, name);
}

static oc_status feed(EVP_MD_CTX *context, const struct file *f, void *chunk)
{
    for (int64_t at = 0; at < f->size; at += CHUNK) {
        const size_t n = f->size - at < CHUNK ? (size_t)(f->size - at) : CHUNK;
        TRY(oc__file_read(f, at, chunk, n));
        if (!crypto.DigestUpdate(context, chunk, n))
            return unavailable(f->path, "a digest");
    }
    return OC_OK;
}

static oc_status compute(const struct file *f, const char *name, char hex[HEX_MAX])
{
    unsigned char     digest[EVP_MAX_MD_SIZE];
    unsigned          n = 0;
    EVP_MD_CTX *const context = crypto.MD_CTX_new();
    void *const       chunk = oc__alloc(CHUNK, 1);
    oc_status         status = context && chunk ? OC_OK : OC_ELIMIT;
    if (status >= 0 && !crypto.DigestInit_ex(context, crypto.get_digestbyname(name), NULL))
        status = unavailable(f->path, name);
    if (status >= 0)
        status = feed(context, f, chunk);
    if (status >= 0 && !crypto.DigestFinal_ex(context, digest, &n))
        status = unavailable(f->path, name);
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    crypto.MD_CTX_free(context);
    oc__free(chunk);
    return status;
}

oc_status oc__digest_check(const char *path, const char *digest)
{
    char              name[16] = "", found[HEX_MAX] = "";
    struct file       f;
    const char *const expected = strchr(digest, ':') + 1;
    memcpy(name, digest, (size_t)(expected - 1 - digest));
    TRY(crypto_open());
    TRY(oc__file_open(&f, path));
    oc_status status = compute(&f, name, found);
    oc__file_close(&f);
    if (status >= 0 && strcasecmp(found, expected) != 0)
        status = oc__fail(OC_EINPUT, "%s: %s is %s, expected %s", path, name, found, expected);
    return status;
}
