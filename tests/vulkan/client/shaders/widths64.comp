#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint64_t data[]; } given;
layout(binding = 1) writeonly buffer Output { uint64_t data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = given.data[i] * 3ul + 1ul; }
