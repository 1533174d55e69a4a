#version 450
layout(local_size_x = 64) in;
layout(binding = 0) buffer Output { uint sum; uint largest; uint bits; uint groups; } result;
shared uint in_group;
void main() {
    uint i = gl_GlobalInvocationID.x;
    if (gl_LocalInvocationID.x == 0u) in_group = 0u;
    barrier();
    atomicAdd(in_group, i);
    barrier();
    if (gl_LocalInvocationID.x == 0u) { atomicAdd(result.sum, in_group); atomicAdd(result.groups, 1u); }
    atomicMax(result.largest, i);
    atomicOr(result.bits, 1u << (i & 31u));
}
