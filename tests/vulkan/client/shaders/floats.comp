#version 450
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { float data[]; } given;
layout(binding = 1) writeonly buffer Output { float data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = given.data[i] * 0.5 + 2.0; }
