/* A driver for Vulkan that is another one under another name: all is done by the driver named by REAL, but its device
 * is called NAME, has the UUID that is UUID sixteen times, and is at DOMAIN:BUS:DEVICE.FUNCTION on PCI if HAS_ADDRESS.
 * So one driver in software stands for several pieces of hardware. While the file LOST is there, the device is lost;
 * while GONE is there, no device is found. */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

typedef void (*function)(void);
typedef function (*lookup)(void *, const char *);

struct chained { int32_t type; struct chained *next; };
struct ids { int32_t type; void *next; uint8_t device[16], driver[16], luid[8]; uint32_t mask, valid; };
struct bus { int32_t type; void *next; uint32_t domain, bus, device, function; };
struct properties { uint32_t api, driver, vendor, device; int32_t kind; char name[256]; };
struct properties2 { int32_t type; struct chained *next; struct properties properties; };
struct extension { char name[256]; uint32_t version; };

enum { INCOMPLETE = 5, OUT_OF_HOST_MEMORY = -1, DEVICE_LOST = -4, IDS = 1000071004, BUS = 1000212000, DISCRETE = 2 };

static lookup real_instance, real_device;
static void (*real_properties)(void *, struct properties *);
static void (*real_properties2)(void *, struct properties2 *);
static int32_t (*real_extensions)(void *, const char *, uint32_t *, struct extension *);
static int32_t (*real_devices)(void *, uint32_t *, void **);
static int32_t (*real_submit)(void *, uint32_t, const void *, uint64_t);
static int32_t (*real_submit2)(void *, uint32_t, const void *, uint64_t);

static void rename_to(struct properties *properties)
{
    strcpy(properties->name, NAME);
#ifdef HAS_ADDRESS
    properties->kind = DISCRETE;
#endif
}

static void properties(void *device, struct properties *properties)
{
    real_properties(device, properties);
    rename_to(properties);
}

static void properties2(void *device, struct properties2 *asked)
{
    real_properties2(device, asked);
    rename_to(&asked->properties);
    for (struct chained *one = asked->next; one; one = one->next) {
        if (one->type == IDS) memset(((struct ids *)one)->device, UUID, 16);
#ifdef HAS_ADDRESS
        if (one->type != BUS) continue;
        struct bus *bus = (struct bus *)one;
        bus->domain = DOMAIN, bus->bus = BUS_NUMBER, bus->device = DEVICE, bus->function = FUNCTION;
#endif
    }
}

static int32_t extensions(void *device, const char *layer, uint32_t *count, struct extension *list)
{
#ifdef HAS_ADDRESS
    uint32_t room = *count, found = 0;
    if (layer) return real_extensions(device, layer, count, list);
    real_extensions(device, 0, &found, 0);
    *count = found + 1;
    if (!list) return 0;
    if (room < *count) return INCOMPLETE;
    strcpy(list[found].name, "VK_EXT_pci_bus_info");
    list[found].version = 2;
    return real_extensions(device, 0, &found, list);
#else
    return real_extensions(device, layer, count, list);
#endif
}

static int32_t devices(void *instance, uint32_t *count, void **list)
{
    if (access(GONE, F_OK)) return real_devices(instance, count, list);
    *count = 0;
    return 0;
}

static int32_t submit(void *queue, uint32_t count, const void *list, uint64_t fence)
{
    return access(LOST, F_OK) ? real_submit(queue, count, list, fence) : DEVICE_LOST;
}

static int32_t submit2(void *queue, uint32_t count, const void *list, uint64_t fence)
{
    return access(LOST, F_OK) ? real_submit2(queue, count, list, fence) : DEVICE_LOST;
}

static function device_function(void *device, const char *name);

/* Ours in place of the driver's, which is kept. */
static function ours(const char *name, function found)
{
    static const struct { const char *name; function *real; function ours; } replaced[] = {
        {"vkGetPhysicalDeviceProperties", (function *)&real_properties, (function)properties},
        {"vkGetPhysicalDeviceProperties2", (function *)&real_properties2, (function)properties2},
        {"vkGetPhysicalDeviceProperties2KHR", (function *)&real_properties2, (function)properties2},
        {"vkEnumerateDeviceExtensionProperties", (function *)&real_extensions, (function)extensions},
        {"vkEnumeratePhysicalDevices", (function *)&real_devices, (function)devices},
        {"vkGetDeviceProcAddr", (function *)&real_device, (function)device_function},
        {"vkQueueSubmit", (function *)&real_submit, (function)submit},
        {"vkQueueSubmit2", (function *)&real_submit2, (function)submit2},
        {"vkQueueSubmit2KHR", (function *)&real_submit2, (function)submit2},
    };
    for (unsigned i = 0; found && i < sizeof replaced / sizeof *replaced; i++) {
        if (strcmp(name, replaced[i].name)) continue;
        *replaced[i].real = found;
        return replaced[i].ours;
    }
    return found;
}

static function device_function(void *device, const char *name) { return ours(name, real_device(device, name)); }

static void *library(void)
{
    static void *opened;
    if (!opened) opened = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
    return opened;
}

int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version)
{
    void *real = library();
    if (!real) return OUT_OF_HOST_MEMORY;
    real_instance = (lookup)dlsym(real, "vk_icdGetInstanceProcAddr");
    return ((int32_t (*)(uint32_t *))dlsym(real, "vk_icdNegotiateLoaderICDInterfaceVersion"))(version);
}

function vk_icdGetInstanceProcAddr(void *instance, const char *name) { return ours(name, real_instance(instance, name)); }

function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name)
{
    return ours(name, ((lookup)dlsym(library(), "vk_icdGetPhysicalDeviceProcAddr"))(instance, name));
}
