#version 450
// 128 bytes, the least that every device takes.
layout(local_size_x = 32) in;
layout(push_constant) uniform Push { uint words[32]; } push;
layout(binding = 0) writeonly buffer Output { uint data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = push.words[i] ^ 0xa5a5a5a5u; }
