#version 450
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint data[]; } given;
layout(binding = 1) writeonly buffer Output { uint data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = given.data[i] * 3u + 1u; }
