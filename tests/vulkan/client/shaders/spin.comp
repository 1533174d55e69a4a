#version 450
// Arithmetic without memory, for as many rounds as it is told.
layout(local_size_x = 64) in;
layout(push_constant) uniform Push { uint rounds; } push;
layout(binding = 0) buffer Output { uint data[]; } result;
void main() {
    uint i = gl_GlobalInvocationID.x, value = i;
    for (uint done = 0u; done < push.rounds; done++) value = value * 1664525u + 1013904223u;
    result.data[i] = value;
}
