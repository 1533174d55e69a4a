/* Stands in for NVIDIA's management library: an H200 at 0000:00:06.0, with what one answered (driver 580.159.04,
 * 2026-11-24). Where its instances may lie is as NVIDIA's guide for MIG draws it for GPUs with eight memory slices.
 *
 * NVML_STATE names a file in which the state outlives the process. It has a line for each thing:
 *   mode CURRENT PENDING      gpu ID PROFILE START      compute GPU ID START SLICES      process PID GPU COMPUTE
 *   reset 1                   (a change of mode waits for a reset)
 * Without such a file there are no instances; with MIG defined there are two, one of a profile with graphics, as GPUs
 * of Blackwell for workstations have them: that is made up.
 *
 * NVML_FAULT plants a fault, FUNCTION:NUMBER:WHAT: at the call of that number, from 0, of the function (`change` for
 * all that change something). WHAT is an error's number, or `ignore` (taken, and nothing is done), `before` or `after`
 * (the process is killed then). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 6, INSUFFICIENT_SIZE,
    RESET_REQUIRED = 16, IN_USE = 19, INSUFFICIENT_RESOURCES = 23,
    IGNORED = -1,
};
enum { SLICES = 8, INSTANCES = 16, PROCESSES = 8, NO_INSTANCE = ~0u };

struct memory { unsigned long long total, free, used; };
struct profile_info {
    unsigned version, id, p2p, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
    unsigned long long memory_mb;
    char name[96];
};
struct compute_profile_info {
    unsigned version, id, slices, instances, multiprocessors, copy, decoders, encoders, jpeg, ofa;
    char name[96];
};
struct placement { unsigned start, size; };
struct gpu_instance_info { void *device; unsigned id, profile; struct placement placement; };
struct compute_instance_info { void *device, *gpu_instance; unsigned id, profile; struct placement placement; };
struct process_info { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; };

static const struct profile {
    unsigned kind, id, slices, size, instances, multiprocessors, memory_mb, starts; /* a bit for each start */
    const char *name;
} profiles[] = {
    {0, 19, 1, 1, 7, 16, 16384, 0x7f, "1g.18gb"},     {1, 14, 2, 2, 3, 32, 33280, 0x15, "2g.35gb"},
    {2, 9, 3, 4, 2, 60, 71424, 0x11, "3g.71gb"},      {3, 5, 4, 4, 1, 64, 71424, 0x01, "4g.71gb"},
    {4, 0, 7, 8, 1, 132, 143360, 0x01, "7g.141gb"},   {7, 20, 1, 1, 1, 16, 16384, 0x7f, "1g.18gb+me"},
    {9, 15, 1, 2, 4, 26, 33280, 0x55, "1g.35gb"},
#ifdef MIG
    {14, 47, 1, 1, 1, 16, 16384, 0x7f, "1g.18gb+gfx"},
#endif
};
enum { PROFILES = sizeof profiles / sizeof *profiles };

/* Slices of each kind of compute instance; those of a whole GPU instance are of it too. */
static const unsigned compute_slices[] = {1, 2, 3, 4, 7};
enum { COMPUTE_PROFILES = sizeof compute_slices / sizeof *compute_slices };

static struct state {
    unsigned current, pending, reset;
    struct gpu_instance { const struct profile *profile; unsigned start; } gpu[INSTANCES];
    struct { unsigned start, slices; } compute[INSTANCES][SLICES];
    struct { unsigned pid, gpu, compute; } process[PROCESSES];
#ifdef MIG
} state = {
    .current = 1, .pending = 1,
    .gpu = {[1] = {&profiles[0], 0}, [2] = {&profiles[PROFILES - 1], 2}},
    .compute = {[1] = {{0, 1}}, [2] = {{0, 1}}},
};
#else
} state;
#endif

static int started;

/* What handles point to: their numbers are all that counts. */
static char gpu, gpu_handles[INSTANCES], compute_handles[INSTANCES * SLICES], mig_handles[INSTANCES * SLICES];

static const struct profile *profile_of(unsigned id)
{
    for (unsigned i = 0; i < PROFILES; i++) if (profiles[i].id == id) return &profiles[i];
    return 0;
}

static void load(void)
{
    const char *path = getenv("NVML_STATE");
    FILE *file = path ? fopen(path, "r") : 0;
    if (!file) return;
    char line[128];
    unsigned a, b, c, d, processes = 0;
    memset(&state, 0, sizeof state);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "mode %u %u", &a, &b) == 2) state.current = a, state.pending = b;
        else if (sscanf(line, "reset %u", &a) == 1) state.reset = a;
        else if (sscanf(line, "gpu %u %u %u", &a, &b, &c) == 3 && a < INSTANCES)
            state.gpu[a] = (struct gpu_instance){profile_of(b), c};
        else if (sscanf(line, "compute %u %u %u %u", &a, &b, &c, &d) == 4 && a < INSTANCES && b < SLICES)
            state.compute[a][b].start = c, state.compute[a][b].slices = d;
        else if (sscanf(line, "process %u %u %u", &a, &b, &c) == 3 && processes < PROCESSES) {
            state.process[processes].pid = a, state.process[processes].gpu = b;
            state.process[processes++].compute = c;
        }
    }
    fclose(file);
}

static void save(void)
{
    const char *path = getenv("NVML_STATE");
    if (!path) return;
    char unfinished[4096];
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    FILE *file = fopen(unfinished, "w");
    fprintf(file, "mode %u %u\nreset %u\n", state.current, state.pending, state.reset);
    for (unsigned g = 0; g < INSTANCES; g++) {
        if (!state.gpu[g].profile) continue;
        fprintf(file, "gpu %u %u %u\n", g, state.gpu[g].profile->id, state.gpu[g].start);
        for (unsigned c = 0; c < SLICES; c++)
            if (state.compute[g][c].slices)
                fprintf(file, "compute %u %u %u %u\n", g, c, state.compute[g][c].start, state.compute[g][c].slices);
    }
    for (unsigned p = 0; p < PROCESSES; p++)
        if (state.process[p].pid)
            fprintf(file, "process %u %u %u\n", state.process[p].pid, state.process[p].gpu, state.process[p].compute);
    fclose(file);
    rename(unfinished, path);
}

/* The fault at the call of this number of a function: SUCCESS for none. */
static int fault_at(const char *function, unsigned number, const char *when)
{
    char wanted[64], what[16];
    unsigned at;
    const char *fault = getenv("NVML_FAULT");
    if (!fault || sscanf(fault, "%63[^:]:%u:%15s", wanted, &at, what) != 3) return SUCCESS;
    if (strcmp(wanted, function) || at != number) return SUCCESS;
    if (!strcmp(what, "before") || !strcmp(what, "after")) {
        if (!strcmp(what, when)) raise(SIGKILL);
        return SUCCESS;
    }
    return strcmp(what, "ignore") ? atoi(what) : IGNORED;
}

/* What every call begins with. */
#define CALLED() \
    do { \
        static unsigned calls; \
        if (!started) return UNINITIALIZED; \
        int fault = fault_at(__func__, calls++, "before"); \
        if (fault > SUCCESS) return fault; \
        load(); \
    } while (0)

static unsigned changes;

/* What every call that changes something begins with, once it is known to be right, and ends with. */
#define CHANGES() \
    do { \
        int fault = fault_at("change", changes++, "before"); \
        if (fault == IGNORED) return SUCCESS; \
        if (fault > SUCCESS) return fault; \
    } while (0)

static int changed(void)
{
    save();
    fault_at("change", changes - 1, "after");
    return SUCCESS;
}

static unsigned number_of(void *handle, char *handles, unsigned count)
{
    return (char *)handle >= handles && (char *)handle < handles + count ? (char *)handle - handles : NO_INSTANCE;
}

/* The GPU instance of a handle. */
static unsigned gpu_of(void *handle)
{
    unsigned g = number_of(handle, gpu_handles, INSTANCES);
    return g != NO_INSTANCE && state.gpu[g].profile ? g : NO_INSTANCE;
}

/* The compute instance of a handle, or of one to an instance as a device. */
static unsigned compute_of(void *handle, char *handles)
{
    unsigned i = number_of(handle, handles, INSTANCES * SLICES);
    return i != NO_INSTANCE && state.compute[i / SLICES][i % SLICES].slices ? i : NO_INSTANCE;
}

/* Whether slices from a start on are free of GPU instances. */
static int is_free(unsigned start, unsigned size)
{
    for (unsigned g = 0; g < INSTANCES; g++) {
        const struct profile *other = state.gpu[g].profile;
        if (other && start < state.gpu[g].start + other->size && state.gpu[g].start < start + size) return 0;
    }
    return 1;
}

static unsigned count_of(const struct profile *profile)
{
    unsigned count = 0;
    for (unsigned g = 0; g < INSTANCES; g++) count += state.gpu[g].profile == profile;
    return count;
}

/* Where so many slices of a GPU instance are free of compute instances, or NO_INSTANCE. */
static unsigned free_compute(unsigned g, unsigned slices)
{
    for (unsigned start = 0; start + slices <= state.gpu[g].profile->slices; start++) {
        unsigned taken = 0;
        for (unsigned c = 0; c < SLICES; c++)
            taken |= start < state.compute[g][c].start + state.compute[g][c].slices
                && state.compute[g][c].start < start + slices;
        if (!taken) return start;
    }
    return NO_INSTANCE;
}

int nvmlInit_v2(void) { started = 1; return SUCCESS; }
int nvmlShutdown(void) { int was = started; started = 0; return was ? SUCCESS : UNINITIALIZED; }

const char *nvmlErrorString(int code)
{
    switch (code) {
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case RESET_REQUIRED: return "GPU requires reset";
    case IN_USE: return "In use by another client";
    case INSUFFICIENT_RESOURCES: return "Insufficient Resources";
    default: return "Some Error";
    }
}

int nvmlSystemGetDriverVersion(char *text, unsigned length)
{
    CALLED();
    strncpy(text, "580.159.04", length);
    return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *address, void **device)
{
    CALLED();
    if (strcmp(address, "0000:00:06.0")) return NOT_FOUND;
    *device = &gpu;
    return SUCCESS;
}

int nvmlDeviceGetName(void *device, char *text, unsigned length)
{
    CALLED();
    unsigned i = compute_of(device, mig_handles);
    if (device != &gpu && i == NO_INSTANCE) return INVALID_ARGUMENT;
    const struct profile *profile = i == NO_INSTANCE ? 0 : state.gpu[i / SLICES].profile;
    unsigned slices = profile ? state.compute[i / SLICES][i % SLICES].slices : 0;
    if (!profile) snprintf(text, length, "NVIDIA H200");
    else if (slices == profile->slices) snprintf(text, length, "NVIDIA H200 MIG %s", profile->name);
    else snprintf(text, length, "NVIDIA H200 MIG %uc.%s", slices, profile->name);
    return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned length)
{
    CALLED();
    unsigned i = compute_of(device, mig_handles);
    if (device != &gpu && i == NO_INSTANCE) return INVALID_ARGUMENT;
    const char *rest = "9abc-def0-1234-56789abcdef0";
    if (device == &gpu) snprintf(text, length, "GPU-12345678-%s", rest);
    else snprintf(text, length, "MIG-%08x-%s", i / SLICES * 0x11111111 + i % SLICES, rest);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *device, struct memory *memory)
{
    CALLED();
    if (device != &gpu) return INVALID_ARGUMENT;
    *memory = (struct memory){143771ull << 20, 143000ull << 20, 771ull << 20};
    return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
    CALLED();
    if (device != &gpu) return INVALID_ARGUMENT;
    *current = state.current;
    *pending = state.pending;
    return SUCCESS;
}

int nvmlDeviceSetMigMode(void *device, unsigned mode, int *activation)
{
    CALLED();
    if (device != &gpu || mode > 1) return INVALID_ARGUMENT;
    for (unsigned g = 0; g < INSTANCES; g++) if (!mode && state.gpu[g].profile) return IN_USE;
    *activation = SUCCESS;
    CHANGES();
    state.pending = mode;
    if (state.reset && state.current != mode) *activation = RESET_REQUIRED;
    else state.current = mode;
    return changed();
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count)
{
    CALLED();
    if (device != &gpu) return INVALID_ARGUMENT;
    *count = 7;
    return SUCCESS;
}

/* Numbered by where they lie: numbers in between may be free. */
int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **instance)
{
    CALLED();
    if (device != &gpu || index >= 7) return INVALID_ARGUMENT;
    for (unsigned i = 0; i < INSTANCES * SLICES; i++) {
        unsigned g = i / SLICES, c = i % SLICES;
        if (!state.compute[g][c].slices || state.gpu[g].start + state.compute[g][c].start != index) continue;
        *instance = &mig_handles[i];
        return SUCCESS;
    }
    return NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(void *device, unsigned *id)
{
    CALLED();
    unsigned i = compute_of(device, mig_handles);
    if (i == NO_INSTANCE) return INVALID_ARGUMENT;
    *id = i / SLICES;
    return SUCCESS;
}

int nvmlDeviceGetComputeInstanceId(void *device, unsigned *id)
{
    CALLED();
    unsigned i = compute_of(device, mig_handles);
    if (i == NO_INSTANCE) return INVALID_ARGUMENT;
    *id = i % SLICES;
    return SUCCESS;
}

int nvmlDeviceGetGpuInstanceProfileInfoV(void *device, unsigned kind, struct profile_info *info)
{
    CALLED();
    if (device != &gpu || info->version != (2u << 24 | sizeof *info)) return INVALID_ARGUMENT;
    for (unsigned i = 0; i < PROFILES; i++) {
        if (profiles[i].kind != kind) continue;
        info->id = profiles[i].id;
        info->slices = profiles[i].slices;
        info->instances = profiles[i].instances;
        info->multiprocessors = profiles[i].multiprocessors;
        info->memory_mb = profiles[i].memory_mb;
        snprintf(info->name, sizeof info->name, "MIG %s", profiles[i].name);
        return SUCCESS;
    }
    return NOT_SUPPORTED;
}

/* How large the list is goes in, how much of it is used comes out. */
int nvmlDeviceGetGpuInstancePossiblePlacements_v2(void *device, unsigned id, struct placement *list, unsigned *count)
{
    CALLED();
    const struct profile *profile = profile_of(id);
    if (device != &gpu || !profile) return INVALID_ARGUMENT;
    unsigned found = 0;
    for (unsigned start = 0; start < SLICES; start++) {
        if (!(profile->starts >> start & 1)) continue;
        if (list && found >= *count) return INSUFFICIENT_SIZE;
        if (list) list[found] = (struct placement){start, profile->size};
        found++;
    }
    *count = found;
    return SUCCESS;
}

int nvmlDeviceGetGpuInstanceRemainingCapacity(void *device, unsigned id, unsigned *count)
{
    CALLED();
    const struct profile *profile = profile_of(id);
    if (device != &gpu || !profile) return INVALID_ARGUMENT;
    if (!state.current) return NOT_SUPPORTED;
    unsigned most = profile->instances - count_of(profile), end = 0;
    *count = 0;
    for (unsigned start = 0; start < SLICES && *count < most; start++)
        if (start >= end && profile->starts >> start & 1 && is_free(start, profile->size))
            ++*count, end = start + profile->size;
    return SUCCESS;
}

int nvmlDeviceCreateGpuInstanceWithPlacement(
    void *device, unsigned id, const struct placement *placement, void **instance)
{
    CALLED();
    const struct profile *profile = profile_of(id);
    if (device != &gpu || !profile || placement->start >= SLICES || placement->size != profile->size)
        return INVALID_ARGUMENT;
    if (!state.current) return NOT_SUPPORTED;
    if (!(profile->starts >> placement->start & 1)) return INVALID_ARGUMENT;
    if (count_of(profile) >= profile->instances || !is_free(placement->start, placement->size))
        return INSUFFICIENT_RESOURCES;
    unsigned g = 1;
    while (state.gpu[g].profile) g++;
    *instance = &gpu_handles[g];
    CHANGES();
    state.gpu[g] = (struct gpu_instance){profile, placement->start};
    return changed();
}

int nvmlDeviceGetGpuInstances(void *device, unsigned id, void **instances, unsigned *count)
{
    CALLED();
    const struct profile *profile = profile_of(id);
    if (device != &gpu || !profile) return INVALID_ARGUMENT;
    if (!state.current) return NOT_SUPPORTED;
    *count = 0;
    for (unsigned g = 0; g < INSTANCES; g++)
        if (state.gpu[g].profile == profile) instances[(*count)++] = &gpu_handles[g];
    return SUCCESS;
}

int nvmlGpuInstanceGetInfo(void *instance, struct gpu_instance_info *info)
{
    CALLED();
    unsigned g = gpu_of(instance);
    if (g == NO_INSTANCE) return INVALID_ARGUMENT;
    const struct profile *profile = state.gpu[g].profile;
    *info = (struct gpu_instance_info){&gpu, g, profile->id, {state.gpu[g].start, profile->size}};
    return SUCCESS;
}

int nvmlGpuInstanceDestroy(void *instance)
{
    CALLED();
    unsigned g = gpu_of(instance);
    if (g == NO_INSTANCE) return INVALID_ARGUMENT;
    for (unsigned c = 0; c < SLICES; c++) if (state.compute[g][c].slices) return IN_USE;
    CHANGES();
    state.gpu[g] = (struct gpu_instance){0};
    return changed();
}

int nvmlGpuInstanceGetComputeInstanceProfileInfoV(
    void *instance, unsigned kind, unsigned engines, struct compute_profile_info *info)
{
    CALLED();
    unsigned g = gpu_of(instance);
    if (g == NO_INSTANCE || kind >= COMPUTE_PROFILES || engines || info->version != (2u << 24 | sizeof *info))
        return INVALID_ARGUMENT;
    const struct profile *profile = state.gpu[g].profile;
    if (compute_slices[kind] > profile->slices || (profile->slices == 4 && compute_slices[kind] == 3))
        return NOT_SUPPORTED;
    info->id = kind;
    info->slices = compute_slices[kind];
    info->instances = profile->slices / info->slices;
    return SUCCESS;
}

int nvmlGpuInstanceCreateComputeInstance(void *instance, unsigned id, void **compute)
{
    CALLED();
    unsigned g = gpu_of(instance);
    if (g == NO_INSTANCE || id >= COMPUTE_PROFILES) return INVALID_ARGUMENT;
    unsigned start = free_compute(g, compute_slices[id]), c = 0;
    if (start == NO_INSTANCE) return INSUFFICIENT_RESOURCES;
    while (state.compute[g][c].slices) c++;
    *compute = &compute_handles[g * SLICES + c];
    CHANGES();
    state.compute[g][c].start = start;
    state.compute[g][c].slices = compute_slices[id];
    return changed();
}

int nvmlGpuInstanceGetComputeInstances(void *instance, unsigned id, void **computes, unsigned *count)
{
    CALLED();
    unsigned g = gpu_of(instance);
    if (g == NO_INSTANCE || id >= COMPUTE_PROFILES) return INVALID_ARGUMENT;
    *count = 0;
    for (unsigned c = 0; c < SLICES; c++)
        if (state.compute[g][c].slices == compute_slices[id]) computes[(*count)++] = &compute_handles[g * SLICES + c];
    return SUCCESS;
}

int nvmlComputeInstanceGetInfo_v2(void *compute, struct compute_instance_info *info)
{
    CALLED();
    unsigned i = compute_of(compute, compute_handles), id = 0;
    if (i == NO_INSTANCE) return INVALID_ARGUMENT;
    unsigned g = i / SLICES, c = i % SLICES;
    while (compute_slices[id] != state.compute[g][c].slices) id++;
    *info = (struct compute_instance_info){
        &gpu, &gpu_handles[g], c, id, {state.compute[g][c].start, state.compute[g][c].slices}};
    return SUCCESS;
}

int nvmlComputeInstanceDestroy(void *compute)
{
    CALLED();
    unsigned i = compute_of(compute, compute_handles);
    if (i == NO_INSTANCE) return INVALID_ARGUMENT;
    for (unsigned p = 0; p < PROCESSES; p++)
        if (state.process[p].pid && state.process[p].gpu == i / SLICES && state.process[p].compute == i % SLICES)
            return IN_USE;
    CHANGES();
    state.compute[i / SLICES][i % SLICES].slices = 0;
    return changed();
}

/* As for placements. */
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, struct process_info *infos)
{
    CALLED();
    if (device != &gpu) return INVALID_ARGUMENT;
    unsigned found = 0, size = *count;
    for (unsigned p = 0; p < PROCESSES; p++) {
        if (!state.process[p].pid) continue;
        if (found < size)
            infos[found] = (struct process_info){
                state.process[p].pid, 1 << 20, state.process[p].gpu, state.process[p].compute};
        found++;
    }
    *count = found;
    return found > size ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetTotalEccErrors(void *device, unsigned kind, unsigned since, unsigned long long *count)
{
    CALLED();
    if (device != &gpu || since != 0) return INVALID_ARGUMENT;
    *count = kind ? 0 : 3;
    return SUCCESS;
}
