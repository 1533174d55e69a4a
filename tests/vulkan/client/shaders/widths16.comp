#version 450
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint16_t data[]; } given;
layout(binding = 1) writeonly buffer Output { uint16_t data[]; } result;
void main() { uint i = gl_GlobalInvocationID.x; result.data[i] = given.data[i] * uint16_t(3) + uint16_t(1); }
