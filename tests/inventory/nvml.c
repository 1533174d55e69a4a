/* Stands in for NVIDIA's management library: an H200, with what one answered (driver 580.159.04, 2026-11-24). It is
 * at 0000:00:06.0. With MIG defined it is cut into two instances, one of a profile with graphics, as GPUs of Blackwell
 * for workstations have them: that is made up. */
#include <string.h>

enum { SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, ALREADY, NOT_FOUND };

struct memory { unsigned long long total, free, used; };
struct profile {
    unsigned version, id, p2p, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
    unsigned long long memory_mb;
    char name[96];
};

#ifdef MIG
#define MIG_MODE 1
#else
#define MIG_MODE 0
#endif

static int gpu;
static const struct { const char *name, *uuid; } instances[] = {
    {"NVIDIA H200 MIG 1g.18gb", "MIG-11111111-9abc-def0-1234-56789abcdef0"},
    {"NVIDIA H200 MIG 1g.18gb+gfx", "MIG-22222222-9abc-def0-1234-56789abcdef0"},
};

/* The instance of this handle, or -1. */
static int instance_of(void *device)
{
    for (int i = 0; i < 2; i++) if (device == &instances[i]) return i;
    return -1;
}

static int started;

static const struct { unsigned kind, id, instances, multiprocessors, memory_mb; const char *name; } profiles[] = {
    {0, 19, 7, 16, 16384, "MIG 1g.18gb"},     {1, 14, 3, 32, 33280, "MIG 2g.35gb"},
    {2, 9, 2, 60, 71424, "MIG 3g.71gb"},      {3, 5, 1, 64, 71424, "MIG 4g.71gb"},
    {4, 0, 1, 132, 143360, "MIG 7g.141gb"},   {7, 20, 1, 16, 16384, "MIG 1g.18gb+me"},
    {9, 15, 4, 26, 33280, "MIG 1g.35gb"},
};

int nvmlInit_v2(void) { started = 1; return SUCCESS; }
int nvmlShutdown(void) { int was = started; started = 0; return was ? SUCCESS : UNINITIALIZED; }
const char *nvmlErrorString(int code) { return code == NOT_FOUND ? "Not Found" : "Some Error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) { strncpy(text, "580.159.04", length); return SUCCESS; }

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **device)
{
    if (strcmp(address, "0000:00:06.0")) return NOT_FOUND;
    *device = &gpu;
    return SUCCESS;
}

int nvmlDeviceGetName(void *device, char *text, unsigned length)
{
    int instance = instance_of(device);
    if (device != &gpu && instance < 0) return INVALID_ARGUMENT;
    strncpy(text, instance < 0 ? "NVIDIA H200" : instances[instance].name, length);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned length)
{
    int instance = instance_of(device);
    if (device != &gpu && instance < 0) return INVALID_ARGUMENT;
    strncpy(text, instance < 0 ? "GPU-12345678-9abc-def0-1234-56789abcdef0" : instances[instance].uuid, length);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory)
{
    if (device != &gpu) return INVALID_ARGUMENT;
    *memory = (struct memory){143771ull << 20, 143000ull << 20, 771ull << 20};
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
    if (device != &gpu) return INVALID_ARGUMENT;
    *current = *pending = MIG_MODE;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count)
{
    if (device != &gpu) return INVALID_ARGUMENT;
    *count = MIG_MODE ? 7 : 0;
    return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **instance)
{
    if (device != &gpu || index >= 7) return INVALID_ARGUMENT;
    /* Numbers in between may be free. */
    if (!MIG_MODE || (index != 0 && index != 2)) return NOT_FOUND;
    *instance = (void *)&instances[index / 2];
    return SUCCESS;
}

int nvmlDeviceGetGpuInstanceProfileInfoV(void *device, unsigned kind, struct profile *info)
{
    if (device != &gpu || info->version != (2u << 24 | sizeof *info)) return INVALID_ARGUMENT;
    for (unsigned i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        if (profiles[i].kind != kind) continue;
        info->id = profiles[i].id;
        info->instances = profiles[i].instances;
        info->multiprocessors = profiles[i].multiprocessors;
        info->memory_mb = profiles[i].memory_mb;
        strcpy(info->name, profiles[i].name);
        return SUCCESS;
    }
    return NOT_SUPPORTED;
}

int nvmlDeviceGetTotalEccErrors(void *device, unsigned kind, unsigned since, unsigned long long *count)
{
    if (device != &gpu || since != 0) return INVALID_ARGUMENT;
    *count = kind ? 0 : 3;
    return SUCCESS;
}
